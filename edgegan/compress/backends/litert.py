"""LiteRT on the CPU: float32, weights in float16, int8 by ai-edge-quantizer; forms are channels-last."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from edgegan.bench.partitions import partitions
from edgegan.compress.backends.contract import Artifact, Form, Made, Requirement, Variant
from edgegan.compress.plan import Plan
from edgegan.core.errors import TargetError
from edgegan.core.files import write_bytes
from edgegan.core.stage import StageResult
from edgegan.core.target import Target
from edgegan.export.depth_to_space import depth_to_space
from edgegan.export.free_tflite import free_tflite_batch
from edgegan.export.gpu_delegate import refusals
from edgegan.export.litert import export_litert, halve_weights
from edgegan.graph.graph import Graph
from edgegan.graph.passes import LITERT_INT8
from edgegan.graph.rewrite import apply
from edgegan.quantize.scheme import LITERT, FloatParts, Scheme

INT16_MACS = 1 << 24
"""Raised layers of more work are not tried with activations of 16 bits: there are only reference kernels for those."""


class LiteRtBuilder:
    label = "LiteRT"
    scheme = LITERT
    channels_last = True
    composes = True
    weight_bits = (8, 4)
    requirement = Requirement("litert-torch", "litert_torch", "mobile")
    stand_in = None

    def variants(self, precision: str, parts: Collection[FloatParts]) -> tuple[Variant, ...]:
        if precision != "int8":
            return (Variant(),) if precision in ("fp32", "fp16") else ()
        if FloatParts.STATISTICS in parts:
            return Variant(), Variant(FloatParts.STATISTICS), Variant(FloatParts.ARITHMETIC)
        return (Variant(), Variant(FloatParts.SUMS)) if FloatParts.SUMS in parts else (Variant(),)

    def forms(self, precision: str) -> tuple[str, ...]:
        return ("phase-nhwc",)

    def rest_precisions(self, plan: Plan, macs: int) -> tuple[str, ...]:
        return ("int16",) if macs <= INT16_MACS else ()

    def ready(self, graph: Graph) -> Graph:
        return apply(graph, LITERT_INT8).value

    def make(self, form: Form, plan: Plan, scheme: Scheme, target: Target | None, folder: Path) -> Made:
        artifact, floats = folder / "g.tflite", self._float_file(form)
        folder.mkdir(parents=True, exist_ok=True)
        notes: tuple[str, ...] = ()
        if plan.precision == "int8":
            notes = (*form.notes, *self._quantize(form, floats, plan, scheme, artifact).notes)
        elif plan.precision == "fp16":
            halve_weights(floats, artifact)
            notes = ("weights stored as float16, unpacked to float32 where the device has no float16 arithmetic",)
        else:
            write_bytes(artifact, floats.read_bytes())
        depth_to_space(artifact)
        if target is not None and target.accelerator == "gpu":
            notes = (*notes, _taken_by_gpu(artifact))
        return Made(Artifact(artifact, "litert"), (*notes, partitions(artifact).note))

    def convert(self, graph: Graph, target: Target, folder: Path) -> Made:
        return Made(Artifact(export_litert(graph.module, graph.example_inputs(), folder / "g.tflite"), "litert"))

    def freed(self, made: Made, batch: int, batches: tuple[int, int, int], target: Target) -> Made:
        free_tflite_batch(made.artifact.path, batch)
        return made

    def _float_file(self, form: Form) -> Path:
        path = form.folder / "litert-float" / f"{form.name}.tflite"
        if not path.exists():
            export_litert(form.ended(form.graph).module, form.graph.example_inputs(), path)
        return path

    def _quantize(self, form: Form, floats: Path, plan: Plan, scheme: Scheme, artifact: Path) -> StageResult[Path]:
        from edgegan.quantize import litert

        def observe() -> litert.Observed:
            samples = ([value.numpy() for value in batch] for batch in form.batches())
            return litert.observe(floats, samples, scheme.observer)

        observed = form.once(("observed", scheme.observer), observe)
        return litert.quantize(
            floats,
            observed,
            artifact,
            plan.float_parts,
            form.layers,
            plan.raised_layers,
            plan.rest_precision,
            plan.weight_bits,
        )


def _taken_by_gpu(artifact: Path) -> str:
    """A note, or TargetError where an operator would be left to the CPU."""
    if refused := refusals(artifact):
        raise TargetError(f"LiteRT's GPU delegate refuses {', '.join(map(str, refused))}")
    return "LiteRT's GPU delegate takes every operator, by the rules of its source; no GPU ran it"


BUILDER = LiteRtBuilder()
