"""Phases into pixels as the operator that LiteRT has for it.

The graph spreads channels over pixels by a reshape that folds rows into the batch, a transpose and a reshape back:
every tensor of rank 4, which converts and quantizes well. XNNPACK copies both at the same speed (0.045 ms each on a
32-channel map, and 0.31 on one of 64x64); but an accelerator that cannot change the batch takes DEPTH_TO_SPACE, and
neither the converter nor ai-edge-quantizer knows it, so it is put in last, in the finished file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgegan.core.files import write_bytes

ORDER = [0, 2, 1, 3]


def depth_to_space(file: Path) -> int:
    """Rewrite ``file`` with DEPTH_TO_SPACE wherever three operators say the same; returns how often."""
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(file))
    count = sum(_fuse(model, part) for part in model.subgraphs)
    if count:
        as_arrays(model)
        write_bytes(file, bytes(flatbuffer_utils.convert_object_to_bytearray(model)))
    return count


def as_arrays(model: Any) -> None:
    """Buffers as the writer copies them whole; what the quantizer left as bytes it would write one by one."""
    import numpy as np

    for buffer in model.buffers:
        if buffer.data is not None and not isinstance(buffer.data, np.ndarray):
            buffer.data = np.frombuffer(bytes(buffer.data), np.uint8)


def _fuse(model: Any, part: Any) -> int:
    from ai_edge_litert import schema_py_generated as schema

    builtin = schema.BuiltinOperator
    kinds = [code.builtinCode for code in model.operatorCodes]
    made = {int(output): op for op in part.operators for output in op.outputs}
    readers: dict[int, int] = {int(output): 1 for output in part.outputs}
    for op in part.operators:
        for tensor in op.inputs:
            readers[int(tensor)] = readers.get(int(tensor), 0) + 1

    def before(op: Any, kind: int) -> Any:
        """The operator of that kind whose output ``op`` reads, and nothing else does."""
        maker = made.get(int(op.inputs[0])) if op is not None else None
        return (
            maker
            if maker is not None and kinds[maker.opcodeIndex] == kind and readers[int(op.inputs[0])] == 1
            else None
        )

    count = 0
    for last in list(part.operators):
        middle = before(last, builtin.TRANSPOSE) if kinds[last.opcodeIndex] == builtin.RESHAPE else None
        first = before(middle, builtin.RESHAPE)
        if first is None:
            continue
        block = _block(model, part, first, middle, last)
        if block is None:
            continue
        options = schema.DepthToSpaceOptionsT()
        options.blockSize = block
        last.opcodeIndex, last.inputs = _code(model, builtin.DEPTH_TO_SPACE), [first.inputs[0]]
        last.builtinOptionsType, last.builtinOptions = schema.BuiltinOptions.DepthToSpaceOptions, options
        part.operators = [op for op in part.operators if op is not first and op is not middle]
        count += 1
    return count


def _block(model: Any, part: Any, first: Any, middle: Any, last: Any) -> int | None:
    """The factor by which rows and columns grow, where that is what the three do; None where it is not."""
    import numpy as np

    source, folded, result = (
        tuple(int(n) for n in part.tensors[i].shape) for i in (first.inputs[0], first.outputs[0], last.outputs[0])
    )
    order = model.buffers[part.tensors[middle.inputs[1]].buffer].data
    if (
        len(source) != 4
        or len(folded) != 4
        or len(result) != 4
        or order is None
        or np.frombuffer(bytes(order), np.int32).tolist() != ORDER
    ):
        return None
    if not _alike(part.tensors[first.inputs[0]].quantization, part.tensors[last.outputs[0]].quantization):
        return None
    batch, rows, columns, channels = source
    block = folded[2]
    if (
        channels % block**2
        or folded != (batch * rows, columns, block, channels // block)
        or result != (batch, rows * block, columns * block, channels // block**2)
    ):
        return None
    return block


def _alike(one: Any, other: Any) -> bool:
    """Whether two tensors are on the same int8 grid, or both on none."""
    grids = [
        (list(q.scale), list(q.zeroPoint)) if q is not None and q.scale is not None else None for q in (one, other)
    ]
    return grids[0] == grids[1]


def _code(model: Any, builtin: int) -> int:
    """The index of an operator among those that the file names, added where it is not yet."""
    from ai_edge_litert import schema_py_generated as schema

    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == builtin:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
