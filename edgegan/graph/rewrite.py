"""Apply passes and check that the function stayed the same; a pass that changed it is found and undone."""

from __future__ import annotations

from collections.abc import Sequence

from edgegan.core.stage import StageResult, stopwatch
from edgegan.graph.check import Reference
from edgegan.graph.graph import Graph, refresh
from edgegan.graph.passes import FORMULATIONS, Pass


def rewrite(graph: Graph, formulation: str, reference: Reference | None = None) -> StageResult[Graph]:
    """``graph`` in the form that ``formulation`` names (a key of FORMULATIONS), with a note for every pass that acted.

    ``reference`` is of ``graph`` too; several formulations share its outputs.
    """
    return apply(graph, FORMULATIONS[formulation], reference)


def apply(graph: Graph, passes: Sequence[Pass], reference: Reference | None = None) -> StageResult[Graph]:
    """All passes, then one check; where that finds a difference, each pass with a check of its own."""
    with stopwatch() as seconds:
        reference = reference or Reference(graph)
        current, notes = unchecked(graph, passes)
        if not notes:
            return StageResult(graph, (), seconds())
        difference = reference.difference(current)
        if not difference.is_exact:
            return _one_by_one(graph, passes)
        notes.append(f"error {difference.maximum:.1e} (relative {difference.relative:.1e})")
        return StageResult(current, tuple(notes), seconds())


def unchecked(graph: Graph, passes: Sequence[Pass]) -> tuple[Graph, list[str]]:
    """After all passes, and what they did: for what is timed and never kept."""
    current, notes = graph, []
    for step in passes:
        current, count = _once(current, step)
        if count:
            notes.append(f"{step.__name__}: {count} places")
    return current, notes


def _one_by_one(graph: Graph, passes: Sequence[Pass]) -> StageResult[Graph]:
    with stopwatch() as seconds:
        current, notes = graph, []
        for step in passes:
            candidate, count = _once(current, step)
            if not count:
                continue
            difference = Reference(current).difference(candidate)
            if difference.is_exact:
                notes.append(f"{step.__name__}: {count} places, error {difference.maximum:.1e}")
                current = candidate
            else:
                notes.append(
                    f"{step.__name__}: undone, it changed the output by {difference.maximum:.1e} (relative "
                    f"{difference.relative:.1e})"
                )
        return StageResult(current, tuple(notes), seconds())


def _once(graph: Graph, step: Pass) -> tuple[Graph, int]:
    """A copy after one pass, and how many places it changed."""
    candidate = graph.copy()
    count = step(candidate.module)
    if count:
        refresh(candidate.module, candidate.example_inputs())
    return (candidate if count else graph), count
