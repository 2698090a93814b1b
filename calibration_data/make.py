"""Cut the shipped test images: python calibration_data/make.py (needs the Debian package dataset-fashion-mnist)."""

from pathlib import Path

import numpy as np

from edgegan.core.files import sha256
from edgegan.core.images import read_idx

SOURCE = Path("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz")
OUT = Path(__file__).parent / "fashion_mnist_test_1k.npz"

if __name__ == "__main__":
    images = read_idx(SOURCE)[:1000, :, :, None]
    np.savez_compressed(OUT, images=np.ascontiguousarray(images))
    print(f"{OUT.name}: {images.shape} {images.dtype}, {OUT.stat().st_size} bytes, sha256 {sha256(OUT)}")
