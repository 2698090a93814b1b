"""Which candidates a target allows: backend, form of the graph, precision."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version

from edgegan.core.errors import MissingPackageError, TargetError
from edgegan.core.target import Target
from edgegan.graph.editing import is_call
from edgegan.graph.graph import Graph
from edgegan.graph.operators import STATISTICS
from edgegan.runtime.backends import BACKENDS

BUILDERS = {
    "litert": ("litert-torch", "litert_torch", "mobile"),
    "tensorrt-rtx": ("tensorrt-rtx", "tensorrt_rtx", "tensorrt-rtx"),
}
"""What exporting to a backend needs beside its runtime: distribution, module, extra."""


KEPT = {"nothing": "", "statistics": "-norms", "arithmetic": "-layers", "outputs": "-outputs"}
"""How a candidate's name tells what it leaves in float: nothing, the norms, all but layers, or what no layer reads."""
INT4 = ("litert",)
"""Backends whose convolutions and linear layers take weights of 4 bits with activations of 8."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One candidate to build. ``kept``: what an int8 candidate leaves in float (``edgegan.quantize.litert`` and
    ``pt2e``); ``raised``: the places of layers that it leaves in float besides. ``rest``: what is meant by float there;
    on LiteRT ``int16`` gives the raised layers activations of 16 bits. ``weight_bits``: 4 packs the weights of its int8
    layers in half the space.
    """

    backend: str
    formulation: str
    precision: str
    kept: str = "nothing"
    raised: frozenset[int] = frozenset()
    rest: str = "fp32"
    weight_bits: int = 8

    @property
    def name(self) -> str:
        mixed = f"-mixed{len(self.raised)}-{self._places}" if self.raised else ""
        return (
            f"{self.backend}-{self.formulation}-{self.precision}"
            + KEPT[self.kept]
            + mixed
            + ("" if self.rest == "fp32" else f"-{self.rest}")
            + ("-w4" if self.weight_bits == 4 else "")
        )

    @property
    def _places(self) -> str:
        """Four digits that tell sets of layers apart."""
        return hashlib.sha256(str(sorted(self.raised)).encode()).hexdigest()[:4]


def graph_name(backend: str, formulation: str, precision: str) -> str:
    """The key of a candidate's graph: ``auto`` is composed for each backend, and for int8 of forms that have int8
    kernels."""
    if formulation != "auto":
        return formulation
    return f"auto-{backend}" + ("-int8" if precision == "int8" else "")


def plans(
    target: Target,
    precision: str,
    graphs: Mapping[str, Graph],
    supports_bf16: bool,
    formulation: str = "auto",
    weight_bits: int = 8,
) -> tuple[list[Plan], list[str]]:
    """All candidates of ``target`` for ``precision`` (``auto``: all it takes), and notes on those left out.

    ``graphs``: the formulations that differ from each other, ``native`` among them. Raises MissingPackageError when no
    backend that the target allows is installed, TargetError when none runs the precision.
    """
    wanted = target.precisions if precision == "auto" else (precision,)
    found: list[Plan] = []
    notes: list[str] = []
    missing: MissingPackageError | None = None
    for backend in target.runtimes:
        needed = lacking(backend, target)
        if needed is not None:
            missing = missing or needed
            notes.append(
                f"no {backend} candidates: {needed.package} is not installed (pip install 'edgegan[{needed.extra}]')"
            )
            continue
        for kind in wanted:
            if kind == "bf16" and not (backend == "openvino" and supports_bf16):
                continue
            found += _of_backend(backend, kind, graphs, formulation, supports_bf16)
        if weight_bits == 4:
            wide = [plan for plan in found if plan.backend == backend and plan.precision == "int8"]
            found += [replace(plan, weight_bits=4) for plan in wide if backend in INT4]
            if backend not in INT4:
                notes.append(f"no 4-bit weights on {backend}: it has no such convolutions with 8-bit activations")
    if not found:
        if missing:
            raise missing
        raise TargetError(f"no backend of {target.name} runs {precision}; it takes {', '.join(target.precisions)}")
    return found, notes


def _of_backend(
    backend: str, precision: str, graphs: Mapping[str, Graph], formulation: str, supports_bf16: bool
) -> list[Plan]:
    """``outputs`` is for backends whose int8 layers give float at no cost: OpenVINO saves the rounding of the picture
    itself; ONNX Runtime's layers have to round what they give."""
    if precision == "fp16" and backend in ("onnxruntime", "openvino"):
        return []
    variants = [("nothing", "fp32")]
    if precision == "int8" and backend.startswith("tensorrt"):
        variants += [("nothing", "fp16")]
    if precision == "int8" and backend == "openvino":
        variants += [("outputs", "fp32")]
    if precision == "int8" and has_arithmetic(graphs["native"]):
        if backend == "litert":
            variants += [("statistics", "fp32"), ("arithmetic", "fp32")]
        if backend.startswith("tensorrt"):
            variants += [("outputs", "fp32"), ("outputs", "fp16")]
        if backend == "openvino" and supports_bf16:
            variants += [("nothing", "bf16"), ("outputs", "bf16")]
    return [
        Plan(backend=backend, formulation=f, precision=precision, kept=k, rest=r)
        for f in _formulations(backend, precision, graphs, formulation)
        for k, r in variants
    ]


def _formulations(backend: str, precision: str, graphs: Mapping[str, Graph], formulation: str) -> list[str]:
    last = "-nhwc" if backend == "litert" else ""
    wanted = (
        [formulation + last]
        if formulation != "auto"
        else [*plain_formulations(backend, precision), *["auto"] * (not backend.startswith("tensorrt"))]
    )
    return [f for f in wanted if graph_name(backend, f, precision) in graphs] or ["native" + last]


def plain_formulations(backend: str, precision: str) -> tuple[str, ...]:
    """Forms of the whole network worth building, beside the one composed layer by layer: LiteRT's are channels-last;
    only OpenVINO has an int8 transposed convolution; nothing times TensorRT's float forms here, and its own transposed
    convolution is sound."""
    if backend == "litert":
        return ("phase-nhwc",)
    if precision == "int8" and backend != "openvino":
        return ("phase",)
    return ("native",) if backend.startswith("tensorrt") else ("native", "phase")


def has_arithmetic(graph: Graph) -> bool:
    """Whether there is arithmetic beside layers, above all normalisation by the input's own statistics."""
    return any(is_call(n, *STATISTICS) for n in graph.module.graph.nodes)


def supports_bf16() -> bool:
    """Whether OpenVINO computes in bfloat16 here."""
    if BACKENDS["openvino"].version() is None:
        return False
    from edgegan.runtime.openvino import capabilities

    return "BF16" in capabilities()


def lacking(backend: str, target: Target) -> MissingPackageError | None:
    """What is missing to build, and where the target runs here to run, candidates of a backend."""
    needs = [BUILDERS[backend]] if backend in BUILDERS else []
    for distribution, module, extra in needs:
        try:
            version(distribution)
        except PackageNotFoundError:
            return MissingPackageError(module, extra, f"Compressing for {target.name}")
    row = BACKENDS[backend]
    if target.runs_here and row.version() is None:
        return MissingPackageError(row.packages[0].replace("-", "_"), row.extra, f"Compressing for {target.name}")
    return None
