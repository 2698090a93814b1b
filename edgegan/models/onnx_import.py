"""A .onnx file as a PyTorch module: prepared, rebuilt from the operators that generators use, checked against ONNX
Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from edgegan.core.errors import MissingPackageError, ModelError, first_line
from edgegan.models.onnx_context import Context
from edgegan.models.onnx_ops import OPERATORS
from edgegan.models.onnx_prepare import graph_inputs, has_batch, prepare, read
from edgegan.models.ports import Port, picture_first

TOLERANCE = 1e-3
"""Largest difference to ONNX Runtime, relative to the largest output: float32 sums in another order give 1e-6 to
1e-5."""


def import_onnx(
    path: Path,
    batch: int,
    shapes: Sequence[tuple[int, ...]] = (),
    constants: Mapping[str, str] | None = None,
    pictures: bool = False,
) -> tuple[nn.Module, list[tuple[str, tuple[int, ...], str]]]:
    """The module, and (name, shape without batch, dtype) of its inputs.

    ``shapes``: of the inputs without batch, in their order, where they are known; they fix sizes that the file leaves
    open. ``constants``: inputs that are baked in, a number or several with commas between. ``pictures``: inputs of
    (H, W, 3) are pictures, which become (3, H, W). Raises ModelError naming what is not understood, UsageError.
    """
    model = prepare(read(path), path, batch, shapes, constants)
    values = graph_inputs(model)
    given = [*shapes, *[None] * len(values)][: len(values)]
    ports = [_port(value, batch, wanted, pictures, path) for value, wanted in zip(values, given, strict=True)]
    module = OnnxModule(model, path, ports)
    _check_against_onnxruntime(module, model, batch, path)
    return module, [(port.name, port.shape, port.dtype) for port in ports]


def _port(value: Any, batch: int, wanted: tuple[int, ...] | None, pictures: bool, path: Path) -> Port:
    dims = [d.dim_value for d in value.type.tensor_type.shape.dim]
    batched = has_batch(dims, batch)
    if (dims and min(dims) < 1) or (not batched and batch != 1):
        raise ModelError(
            f"{path}: input {value.name!r} has shape {dims}; expected a batch of {batch} first and known sizes "
            f"after it. Export it with that batch, or pass --batch {dims[0] if dims else 1}"
        )
    shape = tuple(dims[1:] if batched else dims)
    dtype = str(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
    return Port.of(value.name, shape, dtype, batched, wanted, pictures)


class OnnxModule(nn.Module):
    """Runs an ONNX graph with PyTorch operators; weights are parameters, everything known beforehand is a constant. Its
    picture has a batch and its channels first, whatever the file's has."""

    def __init__(self, model: onnx.ModelProto, path: Path, ports: Sequence[Port]) -> None:
        super().__init__()
        self.ports = list(ports)
        self.outputs = [v.name for v in model.graph.output]
        self.nodes = list(model.graph.node)
        self.opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
        unknown: dict[str, list[str]] = {}
        for node in self.nodes:
            if node.op_type not in OPERATORS and node.op_type != "Constant":
                unknown.setdefault(node.op_type, []).append(node.name or node.output[0])
        if unknown:
            told = ", ".join(f"{kind} (at {', '.join(names[:3])})" for kind, names in sorted(unknown.items()))
            raise ModelError(f"{path} uses operators of opset {self.opset} that EdgeGAN does not import: {told}")
        self.constants: dict[str, np.ndarray] = {}
        self.held: dict[str, str] = {}
        for tensor in model.graph.initializer:
            self._hold(tensor.name, numpy_helper.to_array(tensor))
        for node in self.nodes:
            if node.op_type == "Constant":
                value = onnx.helper.get_attribute_value(node.attribute[0])
                self._hold(
                    node.output[0],
                    numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value),
                )
        self.nodes = [n for n in self.nodes if n.op_type != "Constant"]

    def _hold(self, name: str, value: np.ndarray) -> None:
        self.constants[name] = value
        slot = f"weight_{len(self.held)}"
        self.held[name] = slot
        tensor = torch.from_numpy(np.array(value))
        if tensor.is_floating_point():
            setattr(self, slot, nn.Parameter(tensor, requires_grad=False))
        else:
            self.register_buffer(slot, tensor)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        image = self.as_in_file(*(port.as_in_file(value) for port, value in zip(self.ports, inputs, strict=True)))
        if inputs and (image.ndim == 0 or image.shape[0] != inputs[0].shape[0]):
            image = image.unsqueeze(0)
        return picture_first(image)

    def as_in_file(self, *inputs: torch.Tensor) -> torch.Tensor:
        """The file's first output, inputs and output in the file's own shapes."""
        values: dict[str, Any] = dict(zip((port.name for port in self.ports), inputs, strict=True))
        values |= {name: getattr(self, slot) for name, slot in self.held.items()}
        for node in self.nodes:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            context = Context(attributes, [self.constants.get(n) for n in node.input], len(node.output), self.opset)
            result = OPERATORS[node.op_type](context, *(values[n] if n else None for n in node.input))
            results = result if isinstance(result, tuple | list) else [result]
            values |= dict(zip(node.output, results, strict=False))
        image: torch.Tensor = values[self.outputs[0]]
        return image


@torch.no_grad()
def _check_against_onnxruntime(module: OnnxModule, model: onnx.ModelProto, batch: int, path: Path) -> None:
    try:
        import onnxruntime
    except ImportError as exc:
        raise MissingPackageError("onnxruntime", "onnxruntime", "Checking an imported .onnx file") from exc
    rng = np.random.default_rng(0)
    given = [
        torch.from_numpy(
            rng.standard_normal((batch, *port.shape)).astype(port.dtype)
            if "float" in port.dtype
            else np.zeros((batch, *port.shape), port.dtype)
        )
        for port in module.ports
    ]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        inputs = [port.as_in_file(value) for port, value in zip(module.ports, given, strict=True)]
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        feeds = {port.name: np.ascontiguousarray(v.numpy()) for port, v in zip(module.ports, inputs, strict=True)}
        wanted, got = session.run(None, feeds)[0], module.as_in_file(*inputs).numpy()
    except Exception as exc:
        raise ModelError(f"{path} cannot be imported: {first_line(exc)}") from exc
    error = np.abs(wanted - got).max() / max(1e-6, np.abs(wanted).max()) if wanted.shape == got.shape else np.inf
    if not error <= TOLERANCE:
        raise ModelError(
            f"{path}: the imported network differs from ONNX Runtime by {error:.1e} of its output; please report this "
            "model"
        )
