"""Sound files of every kind that EdgeGAN reads, each as small as it goes: ``python -m tests.campaign.seeds FOLDER``."""

from __future__ import annotations

import gzip
import json
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np

BACKENDS = ("null", "onnxruntime", "openvino", "litert")


class Harm:
    """What a checkpoint must not be let do."""

    def __reduce__(self):
        return (Path.touch, (Path("escaped"),))


def make(folder: Path) -> None:
    """Write all kinds below ``folder``."""
    import torch
    from PIL import Image
    from safetensors.torch import save_file

    from edgegan.compress import compress
    from edgegan.graph.capture import capture
    from tests.artifacts import artifact
    from tests.conftest import LATENT
    from tests.subjects import TinyDcgan, randomized

    module = randomized(TinyDcgan())
    graph = capture(module, LATENT)
    for backend in BACKENDS:
        (folder / "artifacts" / backend).mkdir(parents=True)
        artifact(backend, folder / "artifacts" / backend, graph)
    models, data = folder / "models", folder / "data"
    models.mkdir()
    data.mkdir()
    shutil.copy(folder / "artifacts" / "onnxruntime" / "g.onnx", models / "g.onnx")
    torch.export.save(torch.export.export(module, graph.example_inputs()), models / "g.pt2")
    save_file(module.state_dict(), models / "g.safetensors")
    torch.save(module.state_dict(), models / "g.pt")
    (models / "harm.pt").write_bytes(pickle.dumps({"weight": Harm()}))
    pictures = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3)).astype(np.uint8)
    np.savez(data / "a.npz", images=pictures)
    np.save(data / "a.npy", pictures)
    head = bytes((0, 0, 8, 3)) + b"".join(size.to_bytes(4, "big") for size in (6, 16, 16))
    (data / "a-idx3-ubyte.gz").write_bytes(gzip.compress(head + pictures[..., 0].tobytes()))
    for suffix in (".png", ".jpg", ".gif", ".tif", ".webp", ".bmp"):
        Image.fromarray(pictures[0]).save(data / f"a{suffix}")
    report = compress("fashion-dcgan", "jetson-orin", out=folder / "run", fd_samples=0, precision="fp16", threads=1)
    (folder / "bundles").mkdir()
    shutil.copy(report.path.parent / "g.edgegan", folder / "bundles" / "g.edgegan")
    (folder / "texts").mkdir()
    shutil.copy(report.path, folder / "texts" / "report.json")
    from edgegan.core.target import folder as targets

    shutil.copy(targets() / "jetson-orin.toml", folder / "texts" / "target.toml")
    from edgegan.train.recipe import RECIPES

    shutil.copy(RECIPES / "fashion-dcgan.toml", folder / "texts" / "recipe.toml")
    (folder / "subject.py").write_text(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from tests.subjects import TinyDcgan, randomized\n\n\ndef latent():\n    return randomized(TinyDcgan())\n"
    )
    (folder / "made.json").write_text(json.dumps(sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
