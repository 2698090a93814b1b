"""TensorRT, whose engines are built on the device, and TensorRT for RTX, whose plans are built here without a GPU.

Both are given the same ONNX. Where neither runs, ONNX Runtime computes that graph in their place: pictures, no times.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from edgegan.compress.backends.contract import Artifact, Made, Requirement, Variant
from edgegan.compress.backends.onnx import OnnxBuilder
from edgegan.compress.plan import Plan
from edgegan.core.backends import backend
from edgegan.core.files import write_bytes
from edgegan.core.target import Target
from edgegan.export.dynamic_batch import free_batch
from edgegan.export.tensorrt.network import check_with_parser
from edgegan.export.tensorrt.rtx import RtxEngine, build_rtx, rtx_manifest
from edgegan.quantize.scheme import TENSORRT, FloatParts


class TensorRtBuilder(OnnxBuilder):
    """The ONNX itself is what the device builds its engine from; NVIDIA's parser and compiler look at it here.

    ``rests``: what the rest of int8 computes in. In float16 it is much slower in ONNX Runtime, and the device is given
    it beside (``compress.bundle``).
    """

    rests: tuple[str, ...] = ("fp32",)

    session = "onnxruntime"
    label = "TensorRT"
    scheme = TENSORRT
    composes = False
    stand_in: str | None = "ONNX Runtime, on the graph that TensorRT is given"

    def variants(self, precision: str, parts: Collection[FloatParts]) -> tuple[Variant, ...]:
        if precision != "int8":
            return (Variant(),) if precision in ("fp32", "fp16") else ()
        float_parts = (
            (FloatParts.NOTHING, FloatParts.OUTPUTS) if FloatParts.STATISTICS in parts else (FloatParts.NOTHING,)
        )
        return tuple(Variant(k, rest) for k in float_parts for rest in self.rests)

    def forms(self, precision: str) -> tuple[str, ...]:
        """Its own transposed convolution is sound in float; which of the two is faster in float16 the device finds."""
        return {"int8": ("phase",), "fp16": ("native", "phase")}.get(precision, ("native",))

    def _finish(
        self, onnx: Path, precision: str, rest_precision: str, target: Target | None, notes: tuple[str, ...]
    ) -> Made:
        return Made(Artifact(onnx, self.session), (*notes, *_parser_notes(onnx, precision == "int8")))


class RtxBuilder(TensorRtBuilder):
    label = "TensorRT for RTX"
    rests = ("fp32", "fp16")
    file = "graph.onnx"
    requirement = Requirement("tensorrt-rtx", "tensorrt_rtx", "tensorrt-rtx")

    def forms(self, precision: str) -> tuple[str, ...]:
        """Nothing times its plans."""
        return ("phase",) if precision == "int8" else ("native",)

    def rest_precisions(self, plan: Plan, macs: int) -> tuple[str, ...]:
        return ("fp16",) if plan.rest_precision == "fp32" else ()

    def _finish(
        self, onnx: Path, precision: str, rest_precision: str, target: Target | None, notes: tuple[str, ...]
    ) -> Made:
        assert target is not None and target.compute_capability is not None
        engine, plan = build_rtx(onnx, target.compute_capability), onnx.with_name("g.plan")
        write_bytes(plan, engine.plan)
        notes = (*notes, _int8_note(engine)) if precision == "int8" else notes
        artifact = Artifact(plan, "tensorrt-rtx", rtx_manifest(target.compute_capability))
        halved = precision == "int8" and rest_precision == "fp16"
        return Made(artifact, notes, stand_in=Artifact(onnx, self.session, {"fuses_quantize": not halved}))

    def freed(self, made: Made, batch: int, batches: tuple[int, int, int], target: Target) -> Made:
        """The plan is built again, of the freed graph and with a profile; other candidates are made of the graph as it
        was."""
        assert made.stand_in is not None and target.compute_capability is not None
        free = free_batch(made.stand_in.path, made.stand_in.path.with_name("free.onnx"), batch)
        write_bytes(made.artifact.path, build_rtx(free, target.compute_capability, batches).plan)
        return replace(made, stand_in=replace(made.stand_in, path=free))


def _int8_note(engine: RtxEngine) -> str:
    precisions = engine.precisions
    others = ", ".join(f"{count} {kind.lower()}" for kind, count in precisions.items() if kind != "Int8")
    int8_layers = f"{precisions['Int8']} of {precisions.total()} convolutions and matrix products take int8"
    return f"TensorRT-RTX's build log: {int8_layers}" + (f", {others}" if others else "")


def _parser_notes(onnx: Path, is_int8: bool) -> list[str]:
    """What NVIDIA's parser, and for int8 its compiler, make of a Jetson's graph; they come with tensorrt-rtx, which
    this target does not otherwise need."""
    if backend("tensorrt-rtx").version() is None:
        return [
            "not checked with NVIDIA's ONNX parser: tensorrt-rtx is not installed (pip install 'edgegan[tensorrt-rtx]')"
        ]
    parsed = check_with_parser(onnx)
    accepted = (
        f"accepted by NVIDIA's ONNX parser {parsed.parser_version}: {parsed.layers} layers, "
        f"{parsed.quantize_layers} of them quantize or dequantize"
    )
    return [accepted, *([_int8_note(build_rtx(onnx))] if is_int8 else [])]


BUILDER, RTX_BUILDER = TensorRtBuilder(), RtxBuilder()
