"""What LiteRT's GPU delegate refuses of a file, by the rules of its public source (``gpu_compatibility.cc``).

The analyzer in LiteRT's wheel is built without those rules and calls every file compatible. An operator that is refused
runs on the CPU, and every seam between the two copies activations: one of them can cost more than the GPU saves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edgegan.core.errors import ArtifactError, MissingPackageError

TAKEN = frozenset(
    """
    ABS ADD ADD_N ATAN2 AVERAGE_POOL_2D BATCH_MATMUL CAST CEIL CONCATENATION CONV_2D COS CUMSUM DENSIFY
    DEPTH_TO_SPACE DEPTHWISE_CONV_2D DEQUANTIZE DIV DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP FLOOR
    FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GELU GREATER GREATER_EQUAL HARD_SWISH LEAKY_RELU LESS LESS_EQUAL
    LOG LOGICAL_AND LOGISTIC LSTM MAX_POOL_2D MAXIMUM MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL ONE_HOT PACK PAD
    PADV2 POW PRELU QUANTIZE REDUCE_MAX REDUCE_MIN REDUCE_PROD RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR
    RESIZE_NEAREST_NEIGHBOR RSQRT SELECT SELECT_V2 SIGN SIN SLICE SOFTMAX SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE
    SQUARED_DIFFERENCE STABLEHLO_CLAMP STRIDED_SLICE SUB SUM TANH TILE TRANSPOSE TRANSPOSE_CONV
    """.split()  # noqa: SIM905
)
MOST_RANK = 4
"""Of the tensors of a GPU's operators: batch, height, width and channels."""


@dataclass(frozen=True)
class Refusal:
    """An operator that stays on the CPU, how often, and why."""

    operator: str
    count: int
    reason: str

    def __str__(self) -> str:
        return f"{self.count} {self.operator} ({self.reason})"


def refusals(file: Path) -> list[Refusal]:
    """Of a ``.tflite``, the most frequent first; empty where the delegate takes all. Raises ArtifactError."""
    try:
        from ai_edge_litert.tools import flatbuffer_utils
    except ImportError as exc:
        raise MissingPackageError("ai_edge_litert", "litert", "Reading this artifact's operators") from exc
    try:
        model = flatbuffer_utils.read_model(str(file))
    except Exception as exc:
        raise ArtifactError(f"{file} is no LiteRT file: {exc}") from exc
    found: Counter[tuple[str, str]] = Counter()
    for part in model.subgraphs:
        for operator in part.operators:
            name = _names()[model.operatorCodes[operator.opcodeIndex].builtinCode]
            if reason := _why_not(name, _Seen(model, part, operator)):
                found[name, reason] += 1
    return [Refusal(name, count, reason) for (name, reason), count in found.most_common()]


@dataclass(frozen=True)
class _Seen:
    """An operator with its tensors."""

    model: Any
    part: Any
    operator: Any

    def tensor(self, place: int) -> Any:
        return self.part.tensors[int(self.operator.inputs[place])]

    def shape(self, place: int) -> list[int]:
        held = self.tensor(place).shape
        return [] if held is None else [int(side) for side in held]

    @property
    def made(self) -> Any:
        return self.part.tensors[int(self.operator.outputs[0])]

    @property
    def made_shape(self) -> list[int]:
        return [] if self.made.shape is None else [int(side) for side in self.made.shape]

    def is_constant(self, place: int) -> bool:
        data = self.model.buffers[self.tensor(place).buffer].data
        return data is not None and len(data) > 0


def _why_not(name: str, seen: _Seen) -> str | None:
    if name not in TAKEN:
        return "the delegate has none"
    if len(seen.made_shape) > MOST_RANK:
        return f"a tensor of rank {len(seen.made_shape)}"
    rule = RULES.get(name)
    return rule(seen) if rule else None


def _reshape(seen: _Seen) -> str | None:
    before, after = seen.shape(0), seen.made_shape
    return "it moves values into the batch" if len(before) == len(after) == 4 and before[0] != after[0] else None


def _rank_3_or_4(seen: _Seen) -> str | None:
    return None if len(seen.shape(0)) in (3, 4) else f"of rank {len(seen.shape(0))}"


def _strided_slice(seen: _Seen) -> str | None:
    options = seen.operator.builtinOptions
    if options.ellipsisMask or options.newAxisMask or options.shrinkAxisMask:
        return "it adds or drops an axis"
    return _rank_3_or_4(seen)


def _pad(seen: _Seen) -> str | None:
    sides = seen.shape(1)
    return None if len(sides) == 2 and sides[0] in (3, 4) else "of another rank than 3 or 4"


def _mirror_pad(seen: _Seen) -> str | None:
    from ai_edge_litert import schema_py_generated as schema

    if seen.operator.builtinOptions.mode != schema.MirrorPadMode.REFLECT:
        return "not by reflection"
    return _pad(seen)


def _gather(seen: _Seen) -> str | None:
    kinds = _kinds()
    if kinds[seen.tensor(0).type] == "INT32":
        return "of whole numbers"
    if len(seen.shape(1)) != 1 or kinds[seen.tensor(1).type] != "INT32":
        return "by other places than a row of INT32"
    return None


def _embedding(seen: _Seen) -> str | None:
    if len(seen.shape(0)) != 1 or len(seen.shape(1)) < 2:
        return "by other places than a row"
    return (
        None if _kinds()[seen.tensor(1).type] in ("INT8", "INT4", "FLOAT32") else "of another type than float32 or int8"
    )


def _cast(seen: _Seen) -> str | None:
    kinds = _kinds()
    before, after = kinds[seen.tensor(0).type], kinds[seen.made.type]
    floats, plain = ("FLOAT16", "FLOAT32"), ("FLOAT32", "INT32")
    allowed = (
        (before == "BOOL" and after in floats)
        or (before in floats and after == "BOOL")
        or (before in plain and after in plain)
    )
    return None if allowed else f"from {before} to {after}"


def _product(seen: _Seen) -> str | None:
    one, other = seen.shape(0), seen.shape(1)
    if len(one) != len(other):
        return _spread(seen)
    if any(a < b for a, b in zip(one, other, strict=True)) and any(a > b for a, b in zip(one, other, strict=True)):
        return "both factors are spread"
    return None


def _spread(seen: _Seen) -> str | None:
    one, other = seen.shape(0), seen.shape(1)
    if len(one) <= 1 or len(other) <= 1 or len(one) == len(other):
        return None
    pairs = zip(reversed(one), reversed(other), strict=False)
    return None if all(a == b or 1 in (a, b) for a, b in pairs) else "shapes that do not spread over each other"


def _reduced(seen: _Seen) -> str | None:
    return None if seen.is_constant(1) and _kinds()[seen.tensor(1).type] == "INT32" else "over axes that are not fixed"


def _softmax(seen: _Seen) -> str | None:
    return None if seen.operator.builtinOptions.beta == 1 else "with a factor"


def _dequantize(seen: _Seen) -> str | None:
    return "from INT16" if _kinds()[seen.tensor(0).type] == "INT16" else None


RULES: dict[str, Callable[[_Seen], str | None]] = {
    "ADD": _spread,
    "MUL": _product,
    "CAST": _cast,
    "DEQUANTIZE": _dequantize,
    "EMBEDDING_LOOKUP": _embedding,
    "GATHER": _gather,
    "MEAN": _reduced,
    "SUM": _reduced,
    "REDUCE_MAX": _reduced,
    "REDUCE_MIN": _reduced,
    "REDUCE_PROD": _reduced,
    "PAD": _pad,
    "PADV2": _pad,
    "MIRROR_PAD": _mirror_pad,
    "RESHAPE": _reshape,
    "SLICE": _rank_3_or_4,
    "STRIDED_SLICE": _strided_slice,
    "SOFTMAX": _softmax,
}


@cache
def _names() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}


@cache
def _kinds() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
