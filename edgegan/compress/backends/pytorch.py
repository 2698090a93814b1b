"""Packages of PyTorch's ahead-of-time compiler, for a GPU without TensorRT: float32 and float16, made there."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from edgegan.compress.backends.contract import Artifact, Form, Made, Requirement, Variant
from edgegan.compress.plan import Plan
from edgegan.core.errors import TargetError
from edgegan.core.target import Target
from edgegan.export.pytorch_package import export_package, version_with_cuda
from edgegan.graph.graph import Graph
from edgegan.quantize.scheme import ONNXRUNTIME, FloatParts, Scheme
from edgegan.runtime.cuda import compute_capability
from edgegan.runtime.preflight import machine_name


class PackageBuilder:
    """``scheme`` serves nothing: int8 is not built."""

    label = "PyTorch, compiled ahead of time"
    scheme = ONNXRUNTIME
    channels_last = False
    composes = False
    weight_bits: tuple[int, ...] = (8,)
    requirement: Requirement | None = None
    stand_in: str | None = None

    def variants(self, precision: str, parts: Collection[FloatParts]) -> tuple[Variant, ...]:
        return (Variant(),) if precision in ("fp32", "fp16") and version_with_cuda() else ()

    def forms(self, precision: str) -> tuple[str, ...]:
        return ("native",)

    def rest_precisions(self, plan: Plan, macs: int) -> tuple[str, ...]:
        return ()

    def ready(self, graph: Graph) -> Graph:
        return graph

    def make(self, form: Form, plan: Plan, scheme: Scheme, target: Target | None, folder: Path) -> Made:
        return _made(form.ended(form.graph), folder, plan.precision == "fp16")

    def convert(self, graph: Graph, target: Target, folder: Path) -> Made:
        return _made(graph, folder, half=False)


def _made(graph: Graph, folder: Path, half: bool) -> Made:
    version = version_with_cuda()
    if version is None:
        raise TargetError("this PyTorch finds no NVIDIA GPU to compile for")
    package = export_package(graph.module, graph.example_inputs(), folder / "g.pt2", half=half)
    machine = {"compute_capability": compute_capability(), "platform": machine_name()}
    return Made(Artifact(package, "pytorch", {**machine, "device": "cuda", "versions": {"torch": version}}))


BUILDER = PackageBuilder()
