"""How fast a backend can be at best: its first int8 candidate, timed before any is calibrated with care, since time
hardly depends on ranges."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from edgegan.bench.worker import p50_ms
from edgegan.compress.build import Workshop
from edgegan.compress.contest import timed
from edgegan.compress.plan import Plan
from edgegan.compress.rows import Built
from edgegan.core.stage import StageStore
from edgegan.graph.cost import is_large

PLAIN = "plain float32"


@dataclass(frozen=True)
class Bounds:
    """Milliseconds: ``int8`` by backend, 0 where its candidate does not run; ``float_ms`` of the plain float32, None
    where that is not timed. ``hangs``: backends that do not come back from loading, with what was said."""

    int8: dict[str, float] = field(default_factory=dict)
    float_ms: float | None = None
    hangs: dict[str, str] = field(default_factory=dict)


def bounds(workshop: Workshop, wanted: Sequence[Plan], baseline: Built, store: StageStore) -> Bounds:
    """Those of a large network that several backends run here; else none, since building and calibrating takes no
    longer than to find out.

    ``wanted``: all candidates, of each backend the one that is most in int8 first.
    """
    first = {plan.backend: plan for plan in reversed(wanted) if plan.precision == "int8" and workshop.can_time(plan)}
    if len(first) < 2 or not is_large(workshop.subject.graph):
        return Bounds()
    known = store.read("bounds")
    if known is not None:
        return Bounds(**known)
    built = {backend: workshop.build_hastily(plan).runs for backend, plan in first.items()}
    files = {backend: runs for backend, runs in built.items() if runs}
    outcomes = timed(workshop, files | ({PLAIN: baseline.runs} if baseline.runs else {}))
    taken = p50_ms(outcomes)
    if files:
        shutil.rmtree(workshop.root / "hasty")
    found = Bounds(
        {backend: taken.get(backend, 0.0) for backend in first},
        taken.get(PLAIN),
        {backend: outcomes[backend].error or "" for backend in files if outcomes[backend].hangs},
    )
    store.write("bounds", asdict(found))
    return found
