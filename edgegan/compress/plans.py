"""Which candidates a target allows: backend, form of the graph, precision. What a backend takes, its builder says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

from edgegan.compress.backends import builder
from edgegan.compress.backends.contract import Variant
from edgegan.compress.plan import Plan, graph_name
from edgegan.core.backends import backend as row_of
from edgegan.core.errors import MissingPackageError, TargetError
from edgegan.core.target import Target
from edgegan.quantize.scheme import FloatParts


def plans(
    target: Target,
    precision: str,
    graphs: Collection[str],
    parts: Collection[FloatParts],
    formulation: str = "auto",
    weight_bits: int = 8,
    is_large: bool = False,
) -> tuple[list[Plan], list[str]]:
    """All candidates of ``target`` for ``precision`` (``auto``: all it takes), and notes on those left out.

    ``graphs``: the names of the formulations that differ from each other, ``native`` among them; ``parts``: what the
    network has beside its layers, of ``edgegan.quantize.parts``; ``is_large``: of the
    network, of which fewer are built: of forms of the whole only the one composed of each layer's fastest where that is
    there, and where nothing times them, one of each kind of int8. Raises MissingPackageError when no backend that
    the target allows is installed, TargetError when none runs the precision.
    """
    wanted = target.precisions if precision == "auto" else (precision,)

    def forms_of(backend: str, kind: str) -> list[str]:
        return _formulations(backend, kind, graphs, formulation, is_large)

    planned: list[Plan] = []
    notes: list[str] = []
    missing: MissingPackageError | None = None
    for backend in target.runtimes:
        needed = lacking(backend, target)
        if needed is not None:
            missing = missing or needed
            install = f"pip install 'edgegan[{needed.extra}]'"
            notes.append(f"no {backend} candidates: {needed.package} is not installed ({install})")
            continue
        of_backend = [
            p for kind in wanted for p in _of_backend(backend, kind, forms_of(backend, kind), parts, is_large)
        ]
        planned += of_backend
        if weight_bits != 8:
            if weight_bits in builder(backend).weight_bits:
                planned += [replace(plan, weight_bits=weight_bits) for plan in of_backend if plan.precision == "int8"]
            else:
                notes.append(
                    f"no {weight_bits}-bit weights on {backend}: it has no such convolutions with 8-bit activations"
                )
    if not planned:
        if missing:
            raise missing
        raise TargetError(f"no backend of {target.name} runs {precision}; it takes {', '.join(target.precisions)}")
    return planned, notes


def _of_backend(
    backend: str, precision: str, forms: list[str], parts: Collection[FloatParts], is_large: bool
) -> list[Plan]:
    variants = builder(backend).variants(precision, parts)
    if is_large and builder(backend).stand_in is not None:
        variants = _once_each(variants)
    return [
        Plan(
            backend=backend,
            formulation=form,
            precision=precision,
            float_parts=variant.float_parts,
            rest_precision=variant.rest_precision,
        )
        for form in forms
        for variant in variants
    ]


def _once_each(variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
    """Those that differ in more than whether the rest is in float16 or float32, which nothing times here: in float16,
    the faster on every GPU."""
    return tuple(
        variant
        for variant in variants
        if variant.rest_precision != "fp32" or replace(variant, rest_precision="fp16") not in variants
    )


def _formulations(backend: str, precision: str, graphs: Collection[str], formulation: str, is_large: bool) -> list[str]:
    """Those of the backend that are there, its native form where none is."""
    made = builder(backend)
    composed = ("auto",) if made.composes else ()
    if is_large and formulation == "auto" and composed and graph_name(backend, "auto", precision) in graphs:
        return ["auto"]
    wanted = (*made.forms(precision), *composed) if formulation == "auto" else (formulation + layout(backend),)
    return [f for f in wanted if graph_name(backend, f, precision) in graphs] or ["native" + layout(backend)]


def layout(backend: str) -> str:
    """What names of forms in the backend's layout end in."""
    return "-nhwc" if builder(backend).channels_last else ""


def lacking(backend: str, target: Target) -> MissingPackageError | None:
    """What is missing to build, and where the target runs here to run, candidates of a backend."""
    why = f"Compressing for {target.name}"
    needed = builder(backend).requirement
    if needed is not None:
        try:
            version(needed.distribution)
        except PackageNotFoundError:
            return MissingPackageError(needed.module, needed.extra, why)
    row = row_of(backend)
    if target.runs_here and row.version() is None:
        return MissingPackageError(row.packages[0].replace("-", "_"), row.extra, why)
    return None
