"""What each backend accepts as int8: one frozen description, read by whoever quantizes for it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from edgegan.graph.operators import RECTIFIERS

SATURATION = {"tanh": math.atanh(1 - 1 / 256), "sigmoid": math.log(511)}
"""Inputs beyond these bounds already give the outermost int8 step of the function's fixed output scale (1/128 for tanh,
1/256 for sigmoid), so a range that reaches further spends its steps on nothing: half a step from the end,
tanh(x) = 1 - 1/256 and sigmoid(x) = 1 - 1/512."""
SATURATING = {torch.ops.aten.tanh.default: SATURATION["tanh"], torch.ops.aten.sigmoid.default: SATURATION["sigmoid"]}
"""The same bounds by the operator of a graph."""

FUSED = RECTIFIERS
"""Activations that int8 layers compute within themselves, on every backend."""


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """Activations per tensor, weights symmetric per output channel, biases left to the backend.

    ``symmetric`` activations have zero point 0 in int8; affine ones use uint8, which x86 dot products want on the left.
    ``transposed``, ``padding``, ``concatenation``: whether there are int8 kernels for those. ``observer``: how ranges
    are taken, a method of ``edgegan.quantize.ranges``. ``weight_bits``: 8, or 4 where the backend runs such layers.
    """

    name: str
    symmetric: bool
    transposed: bool = False
    padding: bool = False
    concatenation: bool = False
    observer: str = "auto"
    weight_bits: int = 8

    def bits(self, place: int, count: int) -> int:
        """Bits of the weights of one of ``count`` layers, in the order in which they run.

        The first and the last keep 8, as is usual for few bits (Esser et al. 2020, arXiv:1902.08153): the picture
        depends most on them, and the last is small.
        """
        return 8 if place in (0, count - 1) else self.weight_bits


ONNXRUNTIME = Scheme(name="onnxruntime", symmetric=False)
OPENVINO = Scheme(name="openvino", symmetric=False, transposed=True, padding=True, concatenation=True)
TENSORRT = Scheme(name="tensorrt", symmetric=True)
LITERT = Scheme(name="litert", symmetric=False)


def scheme_of(backend: str, observer: str = "auto", weight_bits: int = 8) -> Scheme:
    """What a backend takes."""
    schemes = {"openvino": OPENVINO, "litert": LITERT, "onnxruntime": ONNXRUNTIME}
    return replace(schemes.get(backend, TENSORRT), observer=observer, weight_bits=weight_bits)
