"""The forms of the network that candidates are built from: rewritten whole, or composed of the fastest layers."""

from __future__ import annotations

from collections.abc import Iterator

from edgegan.compress.autotune import autotune, forms_graph
from edgegan.compress.backends import builder
from edgegan.compress.options import Options
from edgegan.compress.plan import graph_name
from edgegan.compress.plans import lacking, layout
from edgegan.core.stage import StageResult, StageStore, stopwatch
from edgegan.graph.check import Reference
from edgegan.graph.cost import is_large
from edgegan.graph.graph import Graph
from edgegan.graph.rewrite import rewrite


def forms(graph: Graph, options: Options, store: StageStore) -> StageResult[dict[str, Graph]]:
    """Every form of the network that the target's backends may want and that differs from those before it."""
    with stopwatch() as seconds:
        reference = Reference(graph)
        made = {name: rewrite(graph, name, reference) for name in _wanted_forms(options)}
        notes = [f"{name}: {'; '.join(result.notes) or 'nothing to rewrite'}" for name, result in made.items()]
        if made["phase" if "phase" in made else "native"].value.fingerprint() == made["native"].value.fingerprint():
            made.pop("phase", None)
        elif options.formulation == "auto" and options.target.runs_here and options.device is None:
            for name, result, chosen in _composed(made, reference, options, store):
                made[name] = result
                notes += [f"{name}: {note}" for note in chosen]
        return StageResult({name: result.value for name, result in made.items()}, tuple(notes), seconds())


def _wanted_forms(options: Options) -> list[str]:
    """``native``, from which forms are composed, and what was asked for, in the layout of each backend."""
    chosen = "phase" if options.formulation == "auto" else options.formulation
    layouts = sorted({"", *(layout(backend) for backend in options.target.runtimes)})
    return list(dict.fromkeys(["native", *(chosen + suffix for suffix in layouts)]))


def _composed(
    made: dict[str, StageResult[Graph]], reference: Reference, options: Options, store: StageStore
) -> Iterator[tuple[str, StageResult[Graph], list[str]]]:
    """For each installed backend and precision the graph of its fastest layers, where that is none of the plain
    forms; of a large network in any case, since it stands for those."""
    native = made["native"].value
    for backend in options.target.runtimes:
        if lacking(backend, options.target) is not None or not builder(backend).composes:
            continue
        for precision in ("fp32", "int8"):
            choice = autotune(native, backend, precision, options.threads, store.path("autotune"))
            result = forms_graph(native, choice, backend, reference)
            known = {form.value.fingerprint(): (name, form) for name, form in made.items()}
            name, same = known.get(result.value.fingerprint(), ("", result))
            if name not in builder(backend).forms(precision) or is_large(native):
                yield graph_name(backend, "auto", precision), same, choice.notes()
