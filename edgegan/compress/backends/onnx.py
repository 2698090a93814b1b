"""What backends that read ONNX have in common: PT2E's explicit quantize and dequantize operators, one exporter."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from edgegan.compress.backends.contract import Artifact, Form, Made, Requirement, Variant
from edgegan.compress.plan import Plan
from edgegan.core.files import write_bytes
from edgegan.core.stage import StageResult
from edgegan.core.target import Target
from edgegan.export.dynamic_batch import free_batch
from edgegan.export.onnx import export_onnx, halve
from edgegan.graph.graph import Graph
from edgegan.quantize.calibration import Ranges
from edgegan.quantize.scheme import FloatParts, Scheme


class OnnxBuilder:
    """Defaults of the contract for such a backend; ``session`` is the backend whose session loads the file."""

    session: str
    label: str
    scheme: Scheme
    channels_last = False
    composes = True
    weight_bits: tuple[int, ...] = (8,)
    requirement: Requirement | None = None
    stand_in: str | None = None
    file = "g.onnx"

    def variants(self, precision: str, parts: Collection[FloatParts]) -> tuple[Variant, ...]:
        return (Variant(),) if precision in ("fp32", "int8") else ()

    def forms(self, precision: str) -> tuple[str, ...]:
        return ("native", "phase") if self.scheme.transposed or precision != "int8" else ("phase",)

    def rest_precisions(self, plan: Plan, macs: int) -> tuple[str, ...]:
        return ()

    def ready(self, graph: Graph) -> Graph:
        return graph

    def make(self, form: Form, plan: Plan, scheme: Scheme, target: Target | None, folder: Path) -> Made:
        int8, half = plan.precision == "int8", plan.precision == "fp16"
        onnx = folder / self.file

        halves_rest = plan.rest_precision == "fp16"

        def export() -> StageResult[Path]:
            done = self._quantized(form, plan, scheme) if int8 else StageResult(form.graph)
            file = folder / "float-rest.onnx" if halves_rest else onnx
            return StageResult(export_onnx(form.ended(done.value), file, half=half), done.notes)

        exported = form.once((scheme, plan.float_parts, plan.raised_layers) if int8 else ("onnx", half), export)
        if halves_rest:
            halve(exported.value, onnx)
        elif exported.value != onnx:
            write_bytes(onnx, exported.value.read_bytes())
        return self._finish(onnx, plan.precision, plan.rest_precision, target, (*form.notes, *exported.notes))

    def convert(self, graph: Graph, target: Target, folder: Path) -> Made:
        return self._finish(export_onnx(graph, folder / "graph.onnx"), "fp32", "fp32", target, ())

    def freed(self, made: Made, batch: int, batches: tuple[int, int, int], target: Target) -> Made:
        free_batch(made.artifact.path, made.artifact.path, batch)
        return made

    def _finish(
        self, onnx: Path, precision: str, rest_precision: str, target: Target | None, notes: tuple[str, ...]
    ) -> Made:
        """What becomes of the exported graph."""
        return Made(
            Artifact(onnx, self.session, self._hints(rest_precision if precision == "int8" else precision)), notes
        )

    def _hints(self, floats: str) -> dict[str, Any]:
        """What the session is told beside the file: above all what ``floats`` compute in."""
        return {}

    def _quantized(self, form: Form, plan: Plan, scheme: Scheme) -> StageResult[Graph]:
        from edgegan.quantize import pt2e

        ranges = form.once(("ranges", scheme.observer), lambda: Ranges(scheme.observer))
        traced = form.fixed("traced", lambda: pt2e.trace(form.graph))
        batches, raised_layers = form.batches(), plan.raised_layers
        return pt2e.quantize(form.graph, scheme, batches, raised_layers, plan.float_parts, ranges, traced)
