"""Every candidate built, each kept as soon as it is made, so that a stopped run goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from edgegan.compress.build import Workshop
from edgegan.compress.mixed import Mixed, Reached, mix, timed_ms
from edgegan.compress.plan import Plan
from edgegan.compress.plans import plans
from edgegan.compress.rows import Built
from edgegan.core.deadline import Deadline
from edgegan.core.progress import Progress
from edgegan.core.stage import StageResult, StageStore, stopwatch
from edgegan.graph.cost import is_large
from edgegan.graph.graph import Graph
from edgegan.quantize.parts import network_parts

BUILDING, MIXING = 0.5, 0.8
"""Shares of a time budget after which no candidate, and no step of mixed precision, is begun: what is built must still
be measured."""
OUTRUN = 2.0
"""How many times faster than the plain float32 a candidate is that makes other float32 ones unnecessary."""


def build_all(
    workshop: Workshop,
    network: Graph,
    store: StageStore,
    progress: Progress,
    quantized_only: bool,
    deadline: Deadline,
) -> StageResult[list[Built]]:
    """The baseline, then every candidate, each kept as soon as it is made; then those of mixed precision that the gate
    asks for. What ``deadline`` leaves untried is told, and what of a large network need not be tried."""
    with stopwatch() as seconds:
        wanted, notes = planned(workshop)
        if quantized_only:
            wanted = [plan for plan in wanted if plan.precision == "int8"]
        if deadline.seconds is not None:
            wanted.sort(key=lambda plan: workshop.options.target.precisions.index(plan.precision))
        store.path("candidates").mkdir(exist_ok=True)
        making = _Making(workshop, store, progress, deadline.share(BUILDING), len(wanted))
        baseline = _kept(store, "baseline", workshop.baseline)
        if quantized_only:
            making.build(wanted)
            return StageResult([baseline, *making.rows], (*baseline.notes, *notes, *making.notes), seconds())
        last = _last(wanted, workshop)
        making.build([plan for plan in wanted if plan not in last])
        is_whole = making.is_whole
        mixed = _mixed(workshop, making.tried, is_whole, network, store, progress, deadline.share(MIXING))
        why_none = _outrun(workshop, baseline, mixed.fastest, store) if last else None
        if why_none:
            notes.append(f"{', '.join(plan.name for plan in last)}: not built: {why_none}")
        else:
            making.build(last)
        rows = [*making.rows, *mixed.rows]
        return StageResult([baseline, *rows], (*baseline.notes, *notes, *making.notes, *mixed.notes), seconds())


class _Making:
    """Builds candidates, each kept; what the deadline leaves untried, and what was refused, is in ``notes``."""

    def __init__(
        self, workshop: Workshop, store: StageStore, progress: Progress, deadline: Deadline, total: int
    ) -> None:
        self.workshop, self.store, self.progress, self.deadline, self.total = workshop, store, progress, deadline, total
        self.tried: list[tuple[Plan, Built]] = []
        self.notes: list[str] = []
        self.is_whole = True

    @property
    def rows(self) -> list[Built]:
        return [row for _, row in self.tried]

    def build(self, wanted: Sequence[Plan]) -> None:
        for index, plan in enumerate(wanted):
            if self.tried and self.deadline.passed:
                untried = ", ".join(left.name for left in wanted[index:])
                self.notes.append(f"WARNING: the time budget left untried: {untried}")
                self.is_whole = False
                break
            row = _kept(self.store, f"candidates/{plan.name}", partial(self.workshop.build, plan))
            self.tried.append((plan, row))
            self.progress.step(len(self.tried), self.total)
            if row.error:
                self.notes.append(f"{plan.name}: {row.error}")


def _last(wanted: Sequence[Plan], workshop: Workshop) -> list[Plan]:
    """Of a large network that is timed here the float32 candidates wait: what is slower than the plain float32 by far
    need not be built."""
    if not is_large(workshop.graphs["native"]) or workshop.options.precision != "auto":
        return []
    floats = [plan for plan in wanted if plan.precision == "fp32" and workshop.can_time(plan)]
    return floats if len(floats) < len(wanted) else []


def _outrun(workshop: Workshop, baseline: Built, fastest: Reached | None, store: StageStore) -> str | None:
    """Why no float32 candidate can be the fastest: one that holds the gate takes less than half the time of the plain
    float32; None where that is not so. A resumed run takes what the run before found."""
    name = f"float32-{workshop.options.min_psnr:g}"
    known = store.read(name)
    if known is None:
        known = {"why_none": None if fastest is None else _far_faster(workshop, baseline, fastest)}
        store.write(name, known)
    why: str | None = known["why_none"]
    return why


def _far_faster(workshop: Workshop, baseline: Built, fastest: Reached) -> str | None:
    if baseline.runs is None:
        return None
    row = workshop.build(fastest.plan)
    assert row.runs is not None
    taken = timed_ms(workshop, {"plain": baseline.runs, fastest.plan.name: row.runs})
    plain, own = taken.get("plain"), taken.get(fastest.plan.name)
    if plain is None or own is None or OUTRUN * own > plain:
        return None
    return f"{fastest.plan.name} holds the gate in {own:.3g} ms, the plain float32 takes {plain:.3g}"


def _kept(store: StageStore, name: str, make: Callable[[], Built]) -> Built:
    """What an earlier run built, else what ``make`` builds now."""
    known = store.read(name)
    if known is not None:
        return Built.from_json(known)
    row = make()
    store.write(name, row.to_json())
    return row


def _mixed(
    workshop: Workshop,
    tried: list[tuple[Plan, Built]],
    is_whole: bool,
    network: Graph,
    store: StageStore,
    progress: Progress,
    deadline: Deadline,
) -> Mixed:
    """Candidates of mixed precision for this run's gate, and what was found; a search that was cut short, or began from
    a part of the candidates, is begun anew by the next run."""
    gate = workshop.options.min_psnr
    known = store.read(f"mixed-{gate:g}")
    if known is not None:
        return Mixed([Built.from_json(row) for row in known["rows"]], known["notes"], None)
    progress.stage("mixed precision")
    mixed = mix(workshop, tried, gate, network, deadline, progress)
    if is_whole and not deadline.passed:
        store.write(f"mixed-{gate:g}", {"rows": [row.to_json() for row in mixed.rows], "notes": mixed.notes})
    return mixed


def planned(workshop: Workshop) -> tuple[list[Plan], list[str]]:
    options, native = workshop.options, workshop.graphs["native"]
    return plans(
        options.target,
        options.precision,
        workshop.graphs,
        network_parts(native),
        options.formulation,
        options.weight_bits,
        whole_forms=not is_large(native),
    )
