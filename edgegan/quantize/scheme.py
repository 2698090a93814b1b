"""What each backend accepts as int8: one frozen description, read by whoever quantizes for it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

from edgegan.core.errors import TargetError, nearest
from edgegan.graph.operators import RECTIFIERS, aten

SATURATION = {"tanh": math.atanh(1 - 1 / 256), "sigmoid": math.log(511)}
"""Inputs beyond these bounds already give the outermost int8 step of the function's fixed output scale (1/128 for tanh,
1/256 for sigmoid), so a range that reaches further spends its steps on nothing: half a step from the end,
tanh(x) = 1 - 1/256 and sigmoid(x) = 1 - 1/512."""
SATURATING = {aten.tanh.default: SATURATION["tanh"], aten.sigmoid.default: SATURATION["sigmoid"]}
"""The same bounds by the operator of a graph."""

FUSED = RECTIFIERS
"""Activations that int8 layers compute within themselves, on every backend."""


class FloatParts(Enum):
    """What an int8 network leaves in float, beside layers that are raised; the value is how it is told.

    ``STATISTICS``: those of normalisation, and what they scale. ``SUMS``: what is added to what, so that a chain of
    residual blocks is not rounded at every step. ``ARITHMETIC``: all but layers. ``OUTPUTS``: what a layer gives where
    no other layer reads it.
    """

    NOTHING = ""
    STATISTICS = "normalisation"
    SUMS = "sums"
    ARITHMETIC = "all but convolutions and linear layers"
    OUTPUTS = "what no layer reads"


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """Activations per tensor, weights symmetric per output channel, biases left to the backend.

    ``symmetric`` activations have zero point 0 in int8; affine ones use uint8, which x86 dot products want on the left.
    ``transposed``, ``padding``, ``concatenation``: whether there are int8 kernels for those. ``float_parts``: what it
    can leave in float. ``observer``: how ranges are taken, a method of ``edgegan.quantize.ranges``. ``weight_bits``: 8,
    or 4 where the backend runs such layers.
    """

    name: str
    symmetric: bool
    transposed: bool = False
    padding: bool = False
    concatenation: bool = False
    float_parts: tuple[FloatParts, ...] = (FloatParts.NOTHING, FloatParts.OUTPUTS)
    observer: str = "auto"
    weight_bits: int = 8

    def bits(self, place: int, count: int) -> int:
        """Bits of the weights of one of ``count`` layers, in the order in which they run.

        The first and the last keep 8, as is usual for few bits (Esser et al. 2020, arXiv:1902.08153): the picture
        depends most on them, and the last is small.
        """
        return 8 if place in (0, count - 1) else self.weight_bits

    def check(self, float_parts: FloatParts) -> None:
        """Raise TargetError for what this scheme cannot leave in float."""
        if float_parts not in self.float_parts:
            known = ", ".join(k.name.lower() for k in self.float_parts)
            raise TargetError(f"int8 of {self.name} cannot leave {float_parts.name.lower()} in float; it knows {known}")


ONNXRUNTIME = Scheme(name="onnxruntime", symmetric=False)
OPENVINO = Scheme(name="openvino", symmetric=False, transposed=True, padding=True, concatenation=True)
TENSORRT = Scheme(name="tensorrt", symmetric=True)
LITERT = Scheme(
    name="litert",
    symmetric=False,
    float_parts=(FloatParts.NOTHING, FloatParts.STATISTICS, FloatParts.SUMS, FloatParts.ARITHMETIC),
)
SCHEMES = {
    "onnxruntime": ONNXRUNTIME,
    "openvino": OPENVINO,
    "litert": LITERT,
    "tensorrt": TENSORRT,
    "tensorrt-rtx": TENSORRT,
}


def scheme_of(backend: str, observer: str = "auto", weight_bits: int = 8) -> Scheme:
    """What a backend takes. Raises TargetError for one that has no scheme here."""
    if backend not in SCHEMES:
        raise TargetError(f"there is no int8 scheme of the backend {backend!r}; {nearest(backend, SCHEMES)}")
    return replace(SCHEMES[backend], observer=observer, weight_bits=weight_bits)
