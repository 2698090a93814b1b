"""An ONNX that was exported for one batch size, for any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from edgegan.core.errors import TargetError
from edgegan.core.files import atomic_path

NAME, TRIED, LEAST_DB = "N", 3, 60.0
"""What the dimension is called; how many samples are tried at once; and how near, in decibels of the largest value,
they must come to the same samples one by one: kernels of another size round otherwise."""


ONE_EACH = "so compress it once for each number of samples (--batch 1, --batch 4)"


def free_batch(source: Path, target: Path, batch: int) -> Path:
    """Write ``source``, exported for ``batch`` samples, as ``target`` for any number of them. It is run for some at
    once and one by one, by ONNX Runtime. Raises TargetError where it does not compute the same, naming what of it keeps
    the batch."""
    model = onnx.load(source)
    _free(model, batch)
    with atomic_path(target) as temporary:
        onnx.save(model, temporary)
        _check(temporary, batch)
    return target


def _free(model: onnx.ModelProto, batch: int) -> None:
    graph = model.graph
    shapes = _shapes(onnx.shape_inference.infer_shapes(model).graph)
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = NAME
    del graph.value_info[:]
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for index, node in enumerate(graph.node):
        place = {"Reshape": 1, "Expand": 1, "Resize": 3}.get(node.op_type)
        if place is None or len(node.input) <= place or node.input[place] not in constants:
            continue
        wanted = constants[node.input[place]]
        if not wanted.size or wanted[0] != batch:
            continue
        name = f"{node.input[place]}_of_any_batch_{index}"
        if node.op_type == "Resize":
            given = shapes.get(node.input[0])
            if given is None:
                continue
            scales = np.array([1.0, *(w / g for w, g in zip(wanted[1:], given[1:], strict=True))], np.float32)
            graph.initializer.append(numpy_helper.from_array(scales, name))
            node.input[2], node.input[3] = name, ""
            continue
        freed = wanted.copy()
        freed[0] = 1 if node.op_type == "Expand" else (0 if -1 in wanted else -1)
        graph.initializer.append(numpy_helper.from_array(freed, name))
        node.input[place] = name


def _shapes(graph: onnx.GraphProto) -> dict[str, list[int]]:
    """Of every value whose shape is known."""
    return {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.value_info, *graph.input)
    }


def _check(file: Path, batch: int) -> None:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        rng = np.random.default_rng(0)
        given = {}
        for value in session.get_inputs():
            shape = (TRIED * batch, *value.shape[1:])
            given[value.name] = (
                np.zeros(shape, np.int64) if "int64" in value.type else rng.uniform(-1, 1, shape).astype(np.float32)
            )
        (together,) = session.run(None, given)
        alone = np.concatenate(
            [
                session.run(None, {name: array[i : i + batch] for name, array in given.items()})[0]
                for i in range(0, TRIED * batch, batch)
            ]
        )
    except Exception as exc:
        raise TargetError(f"the generator keeps its batch of {batch}: {str(exc).splitlines()[0][:300]}") from exc
    difference = float(np.mean((together.astype(np.float64) - alone) ** 2))
    if difference and 10 * np.log10(float(np.abs(alone).max()) ** 2 / difference) < LEAST_DB:
        raise TargetError(
            "the generator's samples depend on how many are computed at once; give one number for --batch, not several"
        )
