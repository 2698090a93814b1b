"""A builder without a vendor: every artifact is empty. For tests of what plans and chooses."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from edgegan.compress.backends.contract import Artifact, Form, Made, Requirement, Variant
from edgegan.compress.plan import Plan
from edgegan.core.files import write_bytes
from edgegan.core.target import Target
from edgegan.graph.graph import Graph
from edgegan.quantize.scheme import FloatParts, Scheme


class NullBuilder:
    label = "nothing"
    scheme = Scheme(name="null", symmetric=True)
    channels_last = False
    composes = False
    weight_bits: tuple[int, ...] = (8,)
    requirement: Requirement | None = None
    stand_in: str | None = None

    def variants(self, precision: str, parts: Collection[FloatParts]) -> tuple[Variant, ...]:
        return (Variant(),)

    def forms(self, precision: str) -> tuple[str, ...]:
        return ("native", "phase")

    def rest_precisions(self, plan: Plan, macs: int) -> tuple[str, ...]:
        return ()

    def ready(self, graph: Graph) -> Graph:
        return graph

    def make(self, form: Form, plan: Plan, scheme: Scheme, target: Target | None, folder: Path) -> Made:
        return self.convert(form.graph, target, folder)

    def convert(self, graph: Graph, target: Target | None, folder: Path) -> Made:
        artifact = folder / "g.null"
        write_bytes(artifact, b"nothing")
        return Made(Artifact(artifact, "null"))

    def freed(self, made: Made, batch: int, batches: tuple[int, int, int], target: Target) -> Made:
        return made


BUILDER = NullBuilder()
