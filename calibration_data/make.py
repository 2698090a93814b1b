"""Cut the shipped pictures: python calibration_data/make.py

Needs the Debian packages dataset-fashion-mnist and lomiri-wallpapers-20.04.
"""

from pathlib import Path

import numpy as np

from edgegan.core.files import sha256
from edgegan.core.images import read_idx, read_picture, resized
from edgegan.train.views import edges

FASHION = Path("/usr/share/datasets/fashion-mnist")
PHOTOGRAPHS = Path("/usr/share/backgrounds")
HELD_OUT = ("Fossa_by_Jasper_Roks.jpg", "Kleiber_by_Lukas_Baubkus.jpg", "Infinite-Sea_by_Aury88.jpg")
OUT = Path(__file__).parent
SANDAL, SNEAKER = 5, 7


def fashion() -> None:
    """The first 1000 test images with their labels; of all test images the sandals and sneakers; the edges of the first
    500."""
    images = read_idx(FASHION / "t10k-images-idx3-ubyte.gz")[..., None]
    labels = read_idx(FASHION / "t10k-labels-idx1-ubyte.gz")
    write("fashion_mnist_test_1k", images=images[:1000], labels=labels[:1000])
    write("fashion_sandals", images=images[labels == SANDAL][:500])
    write("fashion_sneakers", images=images[labels == SNEAKER][:500])
    padded = np.pad(images[:500], ((0, 0), (2, 2), (2, 2), (0, 0)))
    write("fashion_edges", images=np.stack([edges(image) for image in padded]))


def photographs() -> None:
    """Sixteen pieces of 128x128 of each photograph at a third of its size, and the same at half that: wanted output and
    input."""
    rng = np.random.default_rng(0)
    large = []
    for name in HELD_OUT:
        whole = read_picture(PHOTOGRAPHS / name)
        whole = resized(whole, (whole.shape[0] // 3, whole.shape[1] // 3))
        for _ in range(16):
            top, left = rng.integers(0, whole.shape[0] - 127), rng.integers(0, whole.shape[1] - 127)
            large.append(whole[top : top + 128, left : left + 128])
    write("photographs_128", images=np.stack(large))
    write("photographs_64", images=np.stack([resized(np.ascontiguousarray(piece), (64, 64)) for piece in large]))


def write(name: str, **arrays: np.ndarray) -> None:
    path = OUT / f"{name}.npz"
    np.savez_compressed(path, **{key: np.ascontiguousarray(value) for key, value in arrays.items()})
    print(f"{path.name}: {arrays['images'].shape}, {path.stat().st_size} bytes, sha256 {sha256(path)}")


if __name__ == "__main__":
    fashion()
    photographs()
