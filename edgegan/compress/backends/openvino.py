"""OpenVINO on the CPU: float32, bfloat16 where the processor has it, and int8 beside either."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from edgegan.compress.backends.contract import Variant
from edgegan.compress.backends.onnx import OnnxBuilder
from edgegan.compress.plan import Plan
from edgegan.core.backends import backend
from edgegan.quantize.scheme import OPENVINO, FloatParts

PRECISION_HINTS = {"fp32": "f32", "bf16": "bf16"}


class OpenVinoBuilder(OnnxBuilder):
    session = "openvino"
    label = "OpenVINO"
    scheme = OPENVINO

    def variants(self, precision: str, parts: Collection[FloatParts]) -> tuple[Variant, ...]:
        """Its int8 layers give float at no cost, which saves the rounding of the picture itself."""
        if precision == "bf16":
            return (Variant(),) if computes_bfloat16() else ()
        if precision != "int8":
            return super().variants(precision, parts)
        floats = ("fp32", "bf16") if FloatParts.STATISTICS in parts and computes_bfloat16() else ("fp32",)
        return tuple(
            Variant(float_parts, rest_precision)
            for rest_precision in floats
            for float_parts in (FloatParts.NOTHING, FloatParts.OUTPUTS)
        )

    def rest_precisions(self, plan: Plan, macs: int) -> tuple[str, ...]:
        return ("bf16",) if plan.rest_precision == "fp32" and computes_bfloat16() else ()

    def _hints(self, floats: str) -> dict[str, Any]:
        return {"inference_precision": PRECISION_HINTS[floats]}


def computes_bfloat16() -> bool:
    """Whether OpenVINO computes in bfloat16 here."""
    if backend("openvino").version() is None:
        return False
    from edgegan.runtime.openvino import capabilities

    return "BF16" in capabilities()


BUILDER = OpenVinoBuilder()
