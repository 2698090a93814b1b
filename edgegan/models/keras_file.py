"""A Keras file (.keras, or the older .h5) as a PyTorch module: Keras 3 on its PyTorch backend computes it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgegan.core.errors import MissingPackageError, ModelError, UsageError, first_line
from edgegan.models.ports import Port, picture_first


def read_keras(
    path: Path, shapes: Sequence[tuple[int, ...]] = (), pictures: bool = False
) -> tuple[nn.Module, list[tuple[str, tuple[int, ...], str]]]:
    """The module, and (name, shape without batch, dtype) of its inputs, pictures as (C, H, W).

    ``shapes``: of the inputs without batch, in their order, where they are known; they fix sizes that the file leaves
    open. ``pictures``: inputs of (H, W, 3) are pictures. A file that would run code of its own (a Lambda layer) is
    refused. Raises ModelError, UsageError, MissingPackageError.
    """
    keras = _keras()
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as exc:
        raise ModelError(
            f"{path} cannot be read as a Keras file: {first_line(exc)}. Layers of your own are not in it: export the "
            "model to ONNX instead (model.export(..., format='onnx')), and give that file"
        ) from exc
    given = [*shapes, *[None] * len(model.inputs)][: len(model.inputs)]
    ports = [_port(tensor, wanted, pictures, path) for tensor, wanted in zip(model.inputs, given, strict=True)]
    return KerasModule(model, ports), [(port.name, port.shape, port.dtype) for port in ports]


def _keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    try:
        import keras
    except ImportError as exc:
        raise MissingPackageError("keras", "keras", "Reading a Keras file") from exc
    if keras.backend.backend() != "torch":
        raise UsageError(
            f"Keras runs on {keras.backend.backend()} here; set KERAS_BACKEND=torch, whose models EdgeGAN captures"
        )
    return keras


def _port(tensor: Any, wanted: tuple[int, ...] | None, pictures: bool, path: Path) -> Port:
    sizes, name = list(tensor.shape[1:]), tensor.name
    if wanted is not None and len(wanted) == len(sizes):
        other = (*wanted[1:], *wanted[:1])
        fits = [w for w in (other, wanted) if all(s in (None, d) for s, d in zip(sizes, w, strict=True))]
        sizes = list(fits[0]) if fits else sizes
    if None in sizes:
        shown = "x".join("?" if s is None else str(s) for s in sizes)
        raise ModelError(f"{path}: input {name!r} takes {shown}, with sizes left open; fix them by --input")
    return Port.of(name, tuple(int(s) for s in sizes), str(tensor.dtype), True, wanted, pictures)


class KerasModule(nn.Module):
    """A Keras model behind PyTorch's call: a batch first, pictures with their channels first, evaluation always."""

    def __init__(self, model: Any, ports: Sequence[Port]) -> None:
        super().__init__()
        self.model, self.ports = model, list(ports)
        for parameter in self.parameters():
            parameter.requires_grad_(False)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        values = [port.as_in_file(value) for port, value in zip(self.ports, inputs, strict=True)]
        output = self.model(values if len(values) > 1 else values[0], training=False)
        while not isinstance(output, torch.Tensor):
            output = next(iter(output.values() if isinstance(output, dict) else output))
        return picture_first(output)
