"""A .onnx file as it lies in the wild, brought to the form that is imported: constants baked in, sizes fixed, float16
as float32, quantize and dequantize folded back to float, what depends on shapes alone folded away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from edgegan.core.errors import MissingPackageError, ModelError, UsageError, first_line
from edgegan.models.onnx_draws import fix_draws

OPSETS = range(7, 24)
HALVES = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
INTEGER = ("QLinearConv", "QLinearMatMul", "QLinearAdd", "ConvInteger", "MatMulInteger", "DynamicQuantizeLinear")


def read(path: Path) -> onnx.ModelProto:
    """The model with its external data. Raises ModelError for what is no sound file, or of an unknown opset."""
    try:
        model = onnx.load(path)
        onnx.checker.check_model(str(path))
    except Exception as exc:
        raise ModelError(f"{path} is not a sound ONNX file: {first_line(exc)}") from exc
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), None)
    if opset not in OPSETS:
        raise ModelError(
            f"{path} is of opset {opset}; {OPSETS[0]} to {OPSETS[-1]} are imported: convert it with "
            "onnx.version_converter, or export it anew"
        )
    return model


def graph_inputs(model: onnx.ModelProto) -> list[Any]:
    """Those that are not weights."""
    held = {t.name for t in model.graph.initializer}
    return [v for v in model.graph.input if v.name not in held]


def prepare(
    model: onnx.ModelProto,
    path: Path,
    batch: int,
    shapes: Sequence[tuple[int, ...]] = (),
    constants: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
    """``model`` in float32 with the inputs ``constants`` baked in and every size known; ``shapes``: of the other inputs
    without batch, in their order, where they are known. Raises ModelError, UsageError, MissingPackageError."""
    try:
        import onnxsim
    except ImportError as exc:
        raise MissingPackageError("onnxsim", "compress", "Reading a .onnx file") from exc

    bake(model, path, constants or {})
    to_float32(model)
    without_rounding(model, path)
    values = graph_inputs(model)
    given = [*shapes, *[None] * (len(values) - len(shapes))]
    fixed = {v.name: _fixed_shape(v, wanted, batch, path) for v, wanted in zip(values, given, strict=False)}
    del model.graph.value_info[:]
    try:
        simplified, _ = onnxsim.simplify(model, overwrite_input_shapes={k: v for k, v in fixed.items() if v})
    except Exception as exc:
        raise ModelError(f"{path} cannot be simplified: {first_line(exc)}") from exc
    fix_draws(simplified)
    return simplified


def bake(model: onnx.ModelProto, path: Path, constants: Mapping[str, str]) -> None:
    """Make initializers of the inputs that ``--constant`` names: one number for all values, or one for each."""
    inputs = {v.name: v for v in graph_inputs(model)}
    for name, text in constants.items():
        if name not in inputs:
            raise UsageError(f"--constant {name}={text}: {path} has no input {name!r}; its are {', '.join(inputs)}")
        tensor = inputs[name].type.tensor_type
        dims = [d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else 1 for d in tensor.shape.dim]
        try:
            numbers = np.array([float(part) for part in text.split(",")])
        except ValueError:
            raise UsageError(f"--constant {name}={text}: give a number, or numbers with commas between") from None
        if numbers.size not in (1, int(np.prod(dims))):
            raise UsageError(
                f"--constant {name}: {numbers.size} numbers, the input {'x'.join(map(str, dims)) or 'is a number'}"
            )
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        value = np.full(dims, numbers[0]) if numbers.size == 1 else numbers.reshape(dims)
        model.graph.initializer.append(numpy_helper.from_array(value.astype(dtype), name))
        model.graph.input.remove(inputs[name])


def to_float32(model: onnx.ModelProto) -> None:
    """Weights, constants, inputs, outputs and casts of float16, bfloat16 and float64 become float32."""
    for tensor in model.graph.initializer:
        _as_float32(tensor)
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.elem_type in HALVES:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    for node in _all_nodes(model.graph):
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                _as_float32(attribute.t)
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i in HALVES:
                attribute.i = TensorProto.FLOAT


def _all_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Those of the graph, and of the branches within it."""
    nodes = list(graph.node)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                for tensor in attribute.g.initializer:
                    _as_float32(tensor)
                nodes += _all_nodes(attribute.g)
    return nodes


def _as_float32(tensor: TensorProto) -> None:
    if tensor.data_type in HALVES:
        array = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def without_rounding(model: onnx.ModelProto, path: Path) -> None:
    """Fold what somebody has quantized back to float: int8 weights become the numbers that they stand for, a value that
    is quantized and dequantized stays what it was. Raises ModelError for layers that compute in whole numbers."""
    whole = sorted({n.op_type for n in model.graph.node if n.op_type in INTEGER})
    if whole:
        raise ModelError(
            f"{path} computes in int8 itself ({', '.join(whole)}); give the float file that it was made of, or one "
            "with QuantizeLinear and DequantizeLinear around float layers"
        )
    held = {t.name: t for t in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            held[node.output[0]] = node.attribute[0].t
    made = {n.output[0]: n for n in model.graph.node if n.op_type == "QuantizeLinear"}
    renamed: dict[str, str] = {}
    kept = []
    for node in model.graph.node:
        if node.op_type != "DequantizeLinear":
            kept.append(node)
        elif node.input[0] in held and all(name in held for name in node.input if name):
            model.graph.initializer.append(numpy_helper.from_array(_dequantized(node, held), node.output[0]))
        elif node.input[0] in made:
            renamed[node.output[0]] = made[node.input[0]].input[0]
        else:
            kept.append(node)
    if len(kept) == len(model.graph.node):
        return
    outputs = {value.name for value in model.graph.output}
    for node in kept:
        for index, name in enumerate(node.input):
            node.input[index] = _source(name, renamed)
    for name in renamed.keys() & outputs:
        kept.append(onnx.helper.make_node("Identity", [_source(name, renamed)], [name]))
    read = {name for node in kept for name in node.input} | outputs
    del model.graph.node[:]
    model.graph.node.extend(n for n in kept if n.op_type != "QuantizeLinear" or n.output[0] in read)


def _source(name: str, renamed: Mapping[str, str]) -> str:
    while name in renamed:
        name = renamed[name]
    return name


def _dequantized(node: onnx.NodeProto, held: Mapping[str, TensorProto]) -> np.ndarray:
    """(q - zero) scale, per tensor or along ``axis``."""
    values, scale, *zero = (numpy_helper.to_array(held[name]) for name in node.input if name)
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)

    def along(array: np.ndarray) -> np.ndarray:
        if array.size == 1:
            return array.reshape(())
        return array.reshape([-1 if i == axis % values.ndim else 1 for i in range(values.ndim)])

    offset = along(zero[0].astype(np.float32)) if zero else np.float32(0)
    result: np.ndarray = ((values.astype(np.float32) - offset) * along(scale.astype(np.float32))).astype(np.float32)
    return result


def _fixed_shape(value: Any, wanted: tuple[int, ...] | None, batch: int, path: Path) -> list[int]:
    """The shape of an input, sizes that the file leaves open taken from ``wanted``, in its layout or the other one."""
    dims = [
        d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in value.type.tensor_type.shape.dim
    ]
    if not dims:
        return []
    if not has_batch(dims, batch) and None not in dims:
        return [d for d in dims if d is not None]
    sizes, shown = dims[1:], "x".join("?" if d is None else str(d) for d in dims[1:])
    if wanted and len(wanted) == len(sizes):
        other = (*wanted[1:], wanted[0])
        fits = [w for w in (wanted, other) if all(s in (None, d) for s, d in zip(sizes, w, strict=True))]
        if not fits:
            told = "x".join(map(str, wanted))
            raise ModelError(f"{path}: input {value.name!r} takes {shown}, and --input says {told}")
        sizes = list(fits[0])
    if None in sizes:
        raise ModelError(
            f"{path}: input {value.name!r} takes {shown}, with sizes left open; fix them by --input, such as --input "
            "image:3x256x256"
        )
    return [dims[0] or batch, *(size for size in sizes if size is not None)]


def has_batch(dims: Sequence[int | None], batch: int) -> bool:
    """Whether the first of an input's sizes is its batch: one that is open, or the batch that is wanted."""
    return bool(dims) and dims[0] in (None, batch)
