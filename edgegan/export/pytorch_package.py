"""A module -> a package of machine code (``.pt2``) by PyTorch's ahead-of-time compiler, for the GPU of this machine.

What the package computes needs PyTorch at run time, and loading it runs code: sessions load those that were made here.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from edgegan.core.cache import add_to_table
from edgegan.core.errors import TargetError, first_line
from edgegan.core.files import atomic_path, sha256
from edgegan.runtime.pytorch import MADE_HERE


def export_package(
    module: nn.Module, inputs: Sequence[torch.Tensor], path: Path, device: str = "cuda", half: bool = False
) -> Path:
    """Compile ``module`` for ``inputs`` of that batch and write ``path``. ``half``: it computes in float16, takes and
    gives float32. Raises TargetError where PyTorch's compiler fails, or finds no C++ compiler."""
    placed = _Halved(module) if half else module
    given = tuple(value.to(device) for value in inputs)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch about its own code
            program = torch.export.export(placed.eval().to(device), given, strict=False)
            with atomic_path(path) as temporary:
                torch._inductor.aoti_compile_and_package(program, package_path=str(temporary))
    except Exception as exc:
        raise TargetError(f"PyTorch cannot compile the generator ahead of time: {first_line(exc)}") from exc
    add_to_table(MADE_HERE, {sha256(path): {"device": device}})
    return path


def version_with_cuda() -> str | None:
    """Of this PyTorch, where it finds a GPU; None where it does not."""
    return str(torch.__version__) if torch.cuda.is_available() else None


class _Halved(nn.Module):
    """The module in float16, between inputs and outputs in float32."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.half()

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.module(*(x.half() if x.is_floating_point() else x for x in inputs))
        return output.float() if output.is_floating_point() else output
