"""Every candidate that may win is built, each kept as soon as it is made, so that a stopped run goes on from there.

All in int8 a backend is as fast as any of its candidates that have layers in int8, and one that holds the gate bounds
what is worth building from the other side: backends are taken in the order of their speed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from edgegan.bench.worker import p50_ms
from edgegan.compress.bounds import bounds
from edgegan.compress.build import Workshop
from edgegan.compress.contest import Contest, Reached, least_ms, timed
from edgegan.compress.mixed import mixtures_of, starting_point
from edgegan.compress.plan import Plan
from edgegan.compress.plans import plans
from edgegan.compress.probe import Probe
from edgegan.compress.rows import Built
from edgegan.compress.search import MARGIN
from edgegan.core.deadline import Deadline
from edgegan.core.progress import Progress
from edgegan.core.stage import StageResult, StageStore, stopwatch
from edgegan.graph.cost import is_large
from edgegan.graph.graph import Graph
from edgegan.quantize.parts import network_parts

BUILDING, MIXING = 0.5, 0.8
"""Shares of a time budget after which no candidate, and no step of mixed precision, is begun: what is built must still
be measured."""
APART = 1.1
"""By how many times a backend's bound, timed at another moment, must be above what passes."""
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
    """The baseline, then the candidates, each kept as soon as it is made, those of mixed precision that the gate asks
    for among them. What ``deadline`` leaves untried is told, and what need not be tried."""
    with stopwatch() as seconds:
        wanted, notes = planned(workshop)
        if quantized_only:
            wanted = [plan for plan in wanted if plan.precision == "int8"]
        if deadline.seconds is not None:
            wanted.sort(key=lambda plan: workshop.options.target.precisions.index(plan.precision))
        store.path("candidates").mkdir(exist_ok=True)
        baseline = _kept(store, "baseline", workshop.baseline)
        making = _Making(workshop, store, progress, deadline, len(wanted))
        name = f"built-{workshop.options.precision}-{workshop.options.min_psnr:g}"
        known = None if quantized_only else store.read(name)
        if known is not None:
            rows, found = [Built.from_json(row) for row in known["rows"]], known["notes"]
        elif quantized_only:
            making.build(wanted)
            rows, found = making.rows, making.notes
        else:
            _contest(making, wanted, baseline, network)
            rows, found = making.rows, [*making.notes, *workshop.notes_on_forms()]
            if making.is_whole:
                store.write(name, {"rows": [row.to_json() for row in rows], "notes": found})
        return StageResult([baseline, *rows], (*baseline.notes, *notes, *found), seconds())


class _Making:
    """Builds candidates, each kept; what the deadline leaves untried, what need not be tried and what was refused is in
    ``notes``."""

    def __init__(
        self, workshop: Workshop, store: StageStore, progress: Progress, deadline: Deadline, total: int
    ) -> None:
        self.workshop, self.store, self.progress, self.total = workshop, store, progress, total
        self.building, self.mixing = deadline.share(BUILDING), deadline.share(MIXING)
        self.tried: list[tuple[Plan, Built]] = []
        self.notes: list[str] = []
        self.is_whole = True
        self.done = 0

    @property
    def rows(self) -> list[Built]:
        return [row for _, row in self.tried]

    def build(self, wanted: Sequence[Plan]) -> list[tuple[Plan, Built]]:
        """Those of ``wanted`` that time allows."""
        built: list[tuple[Plan, Built]] = []
        for index, plan in enumerate(wanted):
            if self.tried and self.building.passed:
                self.left_untried(", ".join(left.name for left in wanted[index:]))
                break
            row = _kept(self.store, f"candidates/{plan.name}", partial(self.workshop.build, plan))
            self.add([(plan, row)])
            built.append((plan, row))
            self.settled(1)
            if row.error:
                self.notes.append(f"{plan.name}: {row.error}")
        return built

    def enter(self, contest: Contest, candidates: Sequence[tuple[Plan, Built]]) -> None:
        """Into the contest; those that do not run are not tried again."""
        failed = contest.enter(candidates)
        self.tried = [
            (plan, replace(row, runs=None, error=failed[row.name]) if row.name in failed else row)
            for plan, row in self.tried
        ]

    def that_load(self, contest: Contest, wanted: Sequence[Plan]) -> list[Plan]:
        """``wanted`` without those of backends that hang, which are left out."""
        hanging = [plan for plan in wanted if plan.backend in contest.hangs]
        if hanging:
            self.leave_out(hanging, contest.hangs[hanging[0].backend])
        return [plan for plan in wanted if plan not in hanging]

    def leave_out(self, needless: Sequence[Plan], why: str) -> None:
        self.notes.append(f"{', '.join(plan.name for plan in needless)}: not built: {why}")
        self.settled(len(needless))

    def settled(self, count: int) -> None:
        """So many more candidates are built, or need not be."""
        self.done += count
        self.progress.step(self.done, self.total)

    def add(self, built: Sequence[tuple[Plan, Built]]) -> None:
        self.tried += built

    def left_untried(self, what: str) -> None:
        self.notes.append(f"WARNING: the time budget left untried: {what}")
        self.is_whole = False


def _contest(making: _Making, wanted: Sequence[Plan], baseline: Built, network: Graph) -> None:
    """Build what may win: backends that are known to differ one after the other, the fastest first, the others
    together."""
    workshop = making.workshop
    if not any(plan.precision == "int8" for plan in wanted):
        making.build(wanted)
        return
    contest = Contest(workshop, workshop.options.min_psnr, Probe.of(workshop, network))
    halves, last = _later(wanted, workshop)
    first = [plan for plan in wanted if plan not in (*halves, *last)]
    found = bounds(workshop, first, baseline, making.store)
    limits, contest.float_ms, contest.hangs = found.int8, found.float_ms, dict(found.hangs)
    first, halves = making.that_load(contest, first), making.that_load(contest, halves)
    backends = list(dict.fromkeys(plan.backend for plan in first))
    ordered = sorted(backends, key=lambda backend: limits.get(backend, 0.0))
    for group in [[backend] for backend in ordered] if limits else [backends]:
        own = [plan for plan in first if plan.backend in group]
        why_lost = contest.why_lost(limits.get(group[0], 0.0), APART) if limits else None
        if why_lost:
            making.leave_out([plan for plan in (*own, *halves) if plan.backend in group], why_lost)
            continue
        making.enter(contest, making.build(own))
        _enter_halves(making, contest, [plan for plan in halves if plan.backend in group])
        for backend in sorted(group, key=lambda backend: least_ms(contest.in_int8(backend))):
            _mix(making, contest, backend)
    last = making.that_load(contest, last)
    why_none = _outrun(contest, baseline) if last else None
    if why_none:
        making.leave_out(last, why_none)
    else:
        making.build(last)


def _enter_halves(making: _Making, contest: Contest, halves: Sequence[Plan]) -> None:
    """Candidates of 16 bits, unless a backend holds the gate all in int8, which is no slower."""
    halves = making.that_load(contest, halves)
    held = contest.fastest()
    if held is None or not halves or held.plan.backend != halves[0].backend:
        making.enter(contest, making.build(halves))
        return
    making.leave_out(halves, f"{held.plan.name} holds {contest.gate:g} dB")


def _mix(making: _Making, contest: Contest, backend: str) -> None:
    """Where none of the backend's int8 candidates clearly holds the gate: the one that does so with layers in float, if
    that can win."""
    own = contest.in_int8(backend)
    plan = starting_point(own, contest.gate) if own else None
    if plan is None:
        return
    if making.mixing.passed:
        making.left_untried(f"{plan.name} with layers in float")
        return
    if why_lost := contest.why_lost(least_ms(own)):
        making.notes.append(f"{backend}: no layers tried in float: {why_lost}")
        return
    start = _equalized(making, contest, next(one for one in own if one.plan == plan))
    if start.low_db >= contest.gate + MARGIN:
        return
    plan = start.plan
    worth = contest.worth_raising(start.p50_ms)
    if not worth:
        making.notes.append(f"{plan.name}: no layers tried in float: {contest.why_lost(start.p50_ms)}")
        return
    making.progress.stage(f"mixed precision, {backend}")
    mixtures, notes = mixtures_of(making.workshop, start, contest.gate, contest.probe, making.mixing, worth)
    making.add(mixtures)
    making.enter(contest, mixtures)
    making.notes += notes
    making.is_whole = making.is_whole and not making.mixing.passed
    making.progress.stage("build")
    making.settled(0)


def _equalized(making: _Making, contest: Contest, start: Reached) -> Reached:
    """``start`` with the channels of its layers scaled for int8, where that gives better pictures: it costs no time
    on the device."""
    workshop = making.workshop
    making.progress.stage(f"equalization, {start.plan.backend}")
    found = workshop.equalized(workshop.scheme(start.plan))
    making.notes += found.notes
    plan = replace(start.plan, equalized=True)
    if found.value is not None:
        making.enter(contest, making.build([plan]))
    making.progress.stage("build")
    scaled = [one for one in contest.reached if one.plan == plan]
    return max([start, *scaled], key=lambda one: one.psnr_db)


def _later(wanted: Sequence[Plan], workshop: Workshop) -> tuple[list[Plan], list[Plan]]:
    """Of a large network that is timed here the candidates of 16 bits, and those of float32, wait: where int8 holds the
    gate, what is slower by far need not be built."""
    if not is_large(workshop.subject.graph) or workshop.options.precision != "auto":
        return [], []
    timed = [plan for plan in wanted if plan.precision != "int8" and workshop.can_time(plan)]
    if len(timed) == len(wanted):
        return [], []
    floats = [plan for plan in timed if plan.precision == "fp32"]
    return [plan for plan in timed if plan not in floats], floats


def _outrun(contest: Contest, baseline: Built) -> str | None:
    """Why no float32 candidate can be the fastest: one that holds the gate takes less than half the time of the plain
    float32; None where that is not so."""
    fastest = contest.fastest()
    if fastest is None or baseline.runs is None:
        return None
    taken = p50_ms(timed(contest.workshop, {"plain": baseline.runs, fastest.plan.name: fastest.file}))
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


def planned(workshop: Workshop) -> tuple[list[Plan], list[str]]:
    options, native = workshop.options, workshop.graphs["native"]
    return plans(
        options.target,
        options.precision,
        workshop.graphs,
        network_parts(native),
        options.formulation,
        options.weight_bits,
        is_large=is_large(native),
    )
