"""Noise that an ONNX file draws itself: one draw of it, for good, as ``edgegan.graph.draws`` has it."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

SEED = 0
DRAWING = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")


def fix_draws(model: onnx.ModelProto) -> None:
    """Make initializers of what is drawn, where its size is known: of a model whose shapes were inferred."""
    graph, rng = model.graph, np.random.default_rng(SEED)
    sizes = {value.name: _size(value) for value in (*graph.value_info, *graph.output)}
    for node in [node for node in graph.node if node.op_type in DRAWING]:
        given = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        size = given.get("shape") or sizes.get(node.output[0])
        if size is not None:
            graph.initializer.append(numpy_helper.from_array(_drawn(node, given, size, rng), node.output[0]))
            graph.node.remove(node)


def _size(value: onnx.ValueInfoProto) -> list[int] | None:
    sides = [side.dim_value for side in value.type.tensor_type.shape.dim]
    return sides if all(sides) else None


def _drawn(node: onnx.NodeProto, given: dict[str, float], size: list[int], rng: np.random.Generator) -> np.ndarray:
    if node.op_type.startswith("RandomNormal"):
        values = rng.normal(given.get("mean", 0.0), given.get("scale", 1.0), size)
    else:
        values = rng.uniform(given.get("low", 0.0), given.get("high", 1.0), size)
    return values.astype(np.float32)
