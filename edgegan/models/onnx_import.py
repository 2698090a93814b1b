"""A .onnx file as a PyTorch module: simplified, rebuilt from the operators that generators use, checked against ONNX
Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from edgegan.core.errors import MissingPackageError, ModelError, first_line
from edgegan.models.onnx_ops import OPERATORS, Context

TOLERANCE = 1e-3
"""Largest difference to ONNX Runtime, relative to the largest output: float32 sums in another order give 1e-6 to
1e-5."""


def import_onnx(
    path: Path, batch: int, shapes: Sequence[tuple[int, ...]] = ()
) -> tuple[nn.Module, list[tuple[str, tuple[int, ...], str]]]:
    """The module, and (name, shape without batch, dtype) of its inputs.

    ``shapes``: of the inputs without batch, in their order, where they are known; they fix sizes that the file leaves
    open. Raises ModelError naming what is not understood.
    """
    model = _simplified(_read(path), path, batch, shapes)
    module = OnnxModule(model, path)
    tensors = []
    for value in _graph_inputs(model):
        dims = [d.dim_value for d in value.type.tensor_type.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if not dims or dims[0] != batch or min(dims) < 1:
            raise ModelError(
                f"{path}: input {value.name!r} has shape {dims}; expected a batch of {batch} first and known sizes "
                f"after it. Export it with that batch, or pass --batch {dims[0] if dims else 1}"
            )
        tensors.append((value.name, tuple(dims[1:]), str(dtype)))
    _check_against_onnxruntime(module, model, tensors, batch, path)
    return module, tensors


def _read(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as exc:
        raise ModelError(f"{path} is not a sound ONNX file: {first_line(exc)}") from exc
    return model


def _graph_inputs(model: onnx.ModelProto) -> list[Any]:
    held = {t.name for t in model.graph.initializer}
    return [v for v in model.graph.input if v.name not in held]


def _simplified(model: onnx.ModelProto, path: Path, batch: int, shapes: Sequence[tuple[int, ...]]) -> onnx.ModelProto:
    """Fix the batch and open sizes, and fold what depends on shapes alone."""
    import onnxsim

    values = _graph_inputs(model)
    given = [*shapes, *[None] * (len(values) - len(shapes))]
    fixed = {value.name: _fixed_shape(value, wanted, batch, path) for value, wanted in zip(values, given, strict=False)}
    try:
        simplified, _ = onnxsim.simplify(model, overwrite_input_shapes={k: v for k, v in fixed.items() if v})
    except Exception as exc:
        raise ModelError(f"{path} cannot be simplified: {first_line(exc)}") from exc
    return simplified


def _fixed_shape(value: Any, wanted: tuple[int, ...] | None, batch: int, path: Path) -> list[int]:
    """The shape of an input with its batch, sizes that the file leaves open taken from ``wanted``."""
    dims = [
        d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in value.type.tensor_type.shape.dim
    ]
    if not dims:
        return []
    sizes, shown = dims[1:], "x".join("?" if d is None else str(d) for d in dims[1:])
    if wanted is not None and len(wanted) == len(sizes):
        if any(size not in (None, given) for size, given in zip(sizes, wanted, strict=True)):
            told = "x".join(map(str, wanted))
            raise ModelError(f"{path}: input {value.name!r} takes {shown}, and --input says {told}")
        sizes = list(wanted)
    if None in sizes:
        raise ModelError(
            f"{path}: input {value.name!r} takes {shown}, with sizes left open; fix them by --input, such as --input "
            "image:3x256x256"
        )
    return [dims[0] or batch, *(size for size in sizes if size is not None)]


class OnnxModule(nn.Module):
    """Runs an ONNX graph with PyTorch operators; weights are parameters, everything known beforehand is a constant."""

    def __init__(self, model: onnx.ModelProto, path: Path) -> None:
        super().__init__()
        self.inputs = [v.name for v in _graph_inputs(model)]
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
        values: dict[str, Any] = dict(zip(self.inputs, inputs, strict=True))
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
def _check_against_onnxruntime(
    module: nn.Module, model: onnx.ModelProto, tensors: list[tuple[str, tuple[int, ...], str]], batch: int, path: Path
) -> None:
    try:
        import onnxruntime
    except ImportError as exc:
        raise MissingPackageError("onnxruntime", "onnxruntime", "Checking an imported .onnx file") from exc
    rng = np.random.default_rng(0)
    feeds = {
        name: rng.standard_normal((batch, *shape)).astype(dtype)
        if "float" in dtype
        else np.zeros((batch, *shape), dtype)
        for name, shape, dtype in tensors
    }
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        wanted = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        ).run(None, feeds)[0]
        got = module(*(torch.from_numpy(v) for v in feeds.values())).numpy()
    except Exception as exc:
        raise ModelError(f"{path} cannot be imported: {first_line(exc)}") from exc
    error = np.abs(wanted - got).max() / max(1e-6, np.abs(wanted).max()) if wanted.shape == got.shape else np.inf
    if not error <= TOLERANCE:
        raise ModelError(
            f"{path}: the imported network differs from ONNX Runtime by {error:.1e} of its output; please report this "
            "model"
        )
