"""How fast a backend can be at best: its first int8 candidate, timed before any is calibrated with care, since time
hardly depends on ranges."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from edgegan.compress.build import Workshop
from edgegan.compress.contest import timed_ms
from edgegan.compress.plan import Plan
from edgegan.core.stage import StageStore
from edgegan.graph.cost import is_large


def bounds(workshop: Workshop, wanted: Sequence[Plan], store: StageStore) -> dict[str, float]:
    """Milliseconds by backend, of a large network that several backends run here; else nothing, since building and
    calibrating takes no longer than to find out. 0 for a backend whose candidate does not run.

    ``wanted``: all candidates, of each backend the one that is most in int8 first.
    """
    first = {plan.backend: plan for plan in reversed(wanted) if plan.precision == "int8" and workshop.can_time(plan)}
    if len(first) < 2 or not is_large(workshop.subject.graph):
        return {}
    known = store.read("bounds")
    if known is not None:
        return {backend: float(known[backend]) for backend in first}
    built = {backend: workshop.build_hastily(plan).runs for backend, plan in first.items()}
    taken = timed_ms(workshop, {backend: runs for backend, runs in built.items() if runs})
    shutil.rmtree(workshop.root / "hasty")
    found = {backend: taken.get(backend, 0.0) for backend in first}
    store.write("bounds", found)
    return found
