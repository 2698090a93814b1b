"""Apply a formulation's passes one by one, each checked against the graph before it and undone where it is not exact."""

from __future__ import annotations

from edgegan.core.stage import StageResult, stopwatch
from edgegan.graph.check import compare
from edgegan.graph.graph import Graph, refresh
from edgegan.graph.passes import FORMULATIONS


def rewrite(graph: Graph, formulation: str) -> StageResult[Graph]:
    """``graph`` in the form that ``formulation`` names (a key of FORMULATIONS), with a note for every pass that acted."""
    notes = []
    with stopwatch() as seconds:
        current = graph
        for step in FORMULATIONS[formulation]:
            candidate = current.copy()
            count = step(candidate.module)
            if not count:
                continue
            refresh(candidate.module, candidate.example_inputs())
            difference = compare(current, candidate)
            if difference.is_exact:
                notes.append(f"{step.__name__}: {count} places, error {difference.maximum:.1e}")
                current = candidate
            else:
                notes.append(f"{step.__name__}: undone, it changed the output by {difference.maximum:.1e} (relative {difference.relative:.1e})")
        return StageResult(current, tuple(notes), seconds())
