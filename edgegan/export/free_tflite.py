"""A LiteRT file that was converted for one batch size, for any: its inputs are then resized."""

from __future__ import annotations

import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edgegan.core.errors import TargetError, first_line
from edgegan.core.files import write_bytes
from edgegan.export.dynamic_batch import LEAST_DB, ONE_EACH, TRIED


def free_tflite_batch(file: Path, batch: int) -> None:
    """Rewrite ``file``, converted for ``batch`` samples, in place. It is run for some at once and one by one. Raises
    TargetError where it does not compute the same."""
    from ai_edge_litert.tools import flatbuffer_utils

    from edgegan.export.depth_to_space import as_arrays

    model = flatbuffer_utils.read_model(str(file))
    for part in model.subgraphs:
        _free(model, part, batch)
    as_arrays(model)
    content = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    with TemporaryDirectory(prefix="edgegan-") as folder:
        tried = Path(folder) / file.name
        write_bytes(tried, content)
        _check(tried, batch)
    write_bytes(file, content)


def _free(model: Any, part: Any, batch: int) -> None:
    from ai_edge_litert import schema_py_generated as schema

    builtin = schema.BuiltinOperator
    for operator in part.operators:
        kind = model.operatorCodes[operator.opcodeIndex].builtinCode
        if kind == builtin.RESHAPE and len(operator.inputs) > 1:
            shape = _constant(model, part, operator.inputs[1])
            if shape is not None and shape.size and -1 not in shape and shape[0] % batch == 0:
                operator.inputs[1] = _new_constant(model, part, operator.inputs[1], [-1, *shape[1:]])
                if operator.builtinOptions is not None:
                    operator.builtinOptions.newShape = [-1, *map(int, shape[1:])]
        elif kind == builtin.SLICE:
            begin, size = (_constant(model, part, operator.inputs[place]) for place in (1, 2))
            if begin is not None and size is not None and begin[0] == 0 and size[0] == batch:
                operator.inputs[2] = _new_constant(model, part, operator.inputs[2], [-1, *size[1:]])
                made = part.tensors[int(operator.outputs[0])]
                made.shapeSignature = np.array([-1, *made.shape[1:]], np.int32)
        elif kind == builtin.STRIDED_SLICE:
            begin, end = (_constant(model, part, operator.inputs[place]) for place in (1, 2))
            if begin is not None and end is not None and begin[0] == 0 and end[0] == batch:
                operator.builtinOptions.endMask |= 1


def _constant(model: Any, part: Any, tensor: int) -> np.ndarray | None:
    data = model.buffers[part.tensors[int(tensor)].buffer].data
    return None if data is None or not len(data) else np.frombuffer(bytes(data), np.int32)


def _new_constant(model: Any, part: Any, like: int, values: list[int]) -> int:
    """A tensor of those values, like another, which other operators may read too."""
    buffer = copy.copy(model.buffers[part.tensors[int(like)].buffer])
    buffer.data = np.frombuffer(np.asarray(values, np.int32).tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor = copy.copy(part.tensors[int(like)])
    tensor.buffer = len(model.buffers) - 1
    part.tensors.append(tensor)
    return len(part.tensors) - 1


def _check(file: Path, batch: int) -> None:
    count, rng = TRIED * batch, np.random.default_rng(0)
    try:
        alone = _interpreter(file, batch)
        given = {
            detail["index"]: np.zeros((count, *detail["shape"][1:]), detail["dtype"])
            if np.issubdtype(detail["dtype"], np.integer)
            else rng.uniform(-1, 1, (count, *detail["shape"][1:])).astype(detail["dtype"])
            for detail in alone.get_input_details()
        }
        parts = [_run(alone, {i: v[k : k + batch] for i, v in given.items()}) for k in range(0, count, batch)]
        together = _run(_interpreter(file, count), given)
    except (RuntimeError, ValueError) as exc:
        raise TargetError(f"LiteRT keeps the generator's batch of {batch}, {ONE_EACH}: {first_line(exc)}") from exc
    wanted = np.concatenate(parts).astype(np.float64)
    difference = float(np.mean((together - wanted) ** 2)) if together.shape == wanted.shape else np.inf
    if difference and 10 * np.log10(float(np.abs(wanted).max()) ** 2 / difference) < LEAST_DB:
        raise TargetError(f"in LiteRT the generator's samples depend on how many are computed at once, {ONE_EACH}")


def _interpreter(file: Path, count: int) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file), num_threads=1)
    for detail in interpreter.get_input_details():
        interpreter.resize_tensor_input(detail["index"], [count, *detail["shape"][1:]])
    interpreter.allocate_tensors()
    return interpreter


def _run(interpreter: Any, given: dict[int, np.ndarray]) -> np.ndarray:
    for index, values in given.items():
        interpreter.set_tensor(index, values)
    interpreter.invoke()
    image: np.ndarray = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return image
