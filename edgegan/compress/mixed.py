"""Mixed precision: which layers of an int8 candidate to leave in float, so that its pictures hold the gate.

Two orders are tried: the layer first that costs the picture most, by simulation (``edgegan.quantize.sensitivity``), and
the one that costs it most for the time that int8 saves there, by the stopwatch. How many of them is first found in
simulation, then by building and running real candidates from there; which order wins, and in which precision, is timed
at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgegan.bench.worker import Job, Outcome, run_job
from edgegan.compress.backends import builder
from edgegan.compress.build import Workshop
from edgegan.compress.order import alone_db, by_error, by_error_for_time, decibels, few, simulation, times
from edgegan.compress.plan import Plan
from edgegan.compress.rows import Built
from edgegan.core.deadline import Deadline
from edgegan.graph.graph import Graph
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize.layers import Layer

BARELY, NEAR = 1.0, 2.0
"""Other inputs judge a candidate later, so it is built for so many decibels above the gate, and is when int8 alone
comes no further above it than NEAR."""
ALIKE = 1.5
"""Of the int8 candidates within so many decibels of the best the fastest is given layers in float."""
SECONDS = 0.3


@dataclass(frozen=True)
class Probe:
    """Inputs by which steps on the way are judged, and the float network's pictures for them."""

    inputs: dict[str, np.ndarray]
    wanted: np.ndarray
    span: tuple[float, float]

    def psnr_db(self, images: np.ndarray) -> float:
        return psnr_db(self.wanted, images, self.span)


@dataclass(frozen=True)
class Reached:
    """A candidate with the PSNR of its pictures; its milliseconds are infinite where nothing is timed, so that pictures
    decide."""

    plan: Plan
    psnr_db: float
    p50_ms: float


def mix(
    workshop: Workshop, tried: Sequence[tuple[Plan, Built]], gate: float, network: Graph, deadline: Deadline
) -> tuple[list[Built], list[str]]:
    """For each backend none of whose int8 candidates clearly holds ``gate`` dB, the one that does so with layers in
    float, and what was found; backends whose mixtures cannot win are left out.

    ``tried``: the built candidates. ``network`` is the float network that all were made from.
    """
    inputs = workshop.subject.probe_inputs(workshop.options)
    probe = Probe(inputs, network.run(inputs), network.spec.output_range)
    reached = _reached(workshop, tried, probe)
    by_backend: dict[str, list[Reached]] = {}
    for one in reached:
        if one.plan.precision == "int8":
            by_backend.setdefault(one.plan.backend, []).append(one)
    mixed_rows: list[Built] = []
    notes: list[str] = []
    for own in sorted(by_backend.values(), key=_least_ms):
        plan, best = starting_point(own, gate), fastest_passing(reached, gate)
        if plan is None:
            continue
        if deadline.passed:
            notes.append(f"WARNING: the time budget left untried: {plan.name} with layers in float")
            continue
        if best is not None and cannot_win(own, best):
            notes.append(
                f"{plan.backend}: no layers tried in float: all in int8 it takes {_least_ms(own):.3g} ms, and "
                f"{best.plan.name} holds {gate:g} dB in {best.p50_ms:.3g} ms"
            )
            continue
        mixtures, plan_notes = mixtures_of(workshop, plan, gate, probe, deadline)
        reached += _reached(workshop, mixtures, probe)
        mixed_rows += [row for _, row in mixtures]
        notes += plan_notes
    return mixed_rows, notes


def _reached(workshop: Workshop, candidates: Sequence[tuple[Plan, Built]], probe: Probe) -> list[Reached]:
    """Those candidates that run, side by side."""
    built = {plan: row.runs for plan, row in candidates if row.runs}
    if not built:
        return []
    job = Job(
        artifacts={plan.name: workshop.root / runs for plan, runs in built.items()},
        inputs=probe.inputs,
        threads=workshop.options.threads,
        timed=tuple(plan.name for plan in built if workshop.can_time(plan)),
        seconds=SECONDS,
    )
    outcomes = run_job(job)
    images = {plan: outcomes[plan.name].images for plan in built}
    return [
        Reached(plan, probe.psnr_db(pictures), _p50_ms(outcomes[plan.name]))
        for plan, pictures in images.items()
        if pictures is not None
    ]


def _p50_ms(outcome: Outcome) -> float:
    return outcome.latency_ms["p50"] if outcome.latency_ms else np.inf


def _least_ms(reached: Sequence[Reached]) -> float:
    return min(one.p50_ms for one in reached)


def fastest_passing(reached: Sequence[Reached], gate: float) -> Reached | None:
    """The fastest candidate that holds ``gate`` dB with something to spare; None where none does, or none is timed."""
    passing = [one for one in reached if one.psnr_db >= gate + BARELY and np.isfinite(one.p50_ms)]
    return min(passing, key=lambda one: one.p50_ms, default=None)


def cannot_win(own: Sequence[Reached], best: Reached) -> bool:
    """Whether no mixture of a backend can be faster than ``best``: layers in float make its int8 candidates slower."""
    return _least_ms(own) >= best.p50_ms


def starting_point(reached: Sequence[Reached], gate: float) -> Plan | None:
    """The candidate to be given layers in float; None where int8 alone clearly holds ``gate`` dB."""
    best = max(one.psnr_db for one in reached)
    if best >= gate + NEAR:
        return None
    alike = [one for one in reached if one.psnr_db >= best - ALIKE]
    return min(alike, key=lambda one: (one.p50_ms, -one.psnr_db)).plan


def mixtures_of(
    workshop: Workshop, plan: Plan, gate: float, probe: Probe, deadline: Deadline
) -> tuple[list[tuple[Plan, Built]], list[str]]:
    """Candidates of ``plan`` with as few layers in float as hold ``gate`` dB, one for each order of layers and for each
    precision that those may take, built; and what was found."""
    search = Search(workshop, plan, gate, probe, deadline)
    if len(search.layers) < 2:
        return [], [f"{plan.name}: its one layer cannot be in two precisions"]
    chosen: dict[frozenset[Layer], str] = {}
    try:
        for order in search.orders():
            count = search.fewest(order)
            if count < len(order):
                names = ", ".join(layer.node for layer in order[:count])
                note = f"{plan.name}: {count} of {len(order)} layers in float hold {gate:g} dB: {names}"
                chosen[frozenset(order[:count])] = note
    except OutOfTime:
        held = search.fewest_that_held()
        note = f"WARNING: {plan.name}: the time budget ended the search for layers to leave in float"
        if not held:
            return [], [note]
        chosen[held] = f"{note}; {len(held)} of {len(search.layers)} hold {gate:g} dB"
    if not chosen:
        return [], [f"{plan.name}: no choice of layers in float holds {gate:g} dB", *search.refusals]
    wanted = [replace(plan, raised_layers=raised_layers) for raised_layers in chosen]
    for raised_layers in chosen:
        work = sum(layer.macs for layer in raised_layers)
        for rest_precision in builder(plan.backend).rest_precisions(plan, work):
            wanted.append(replace(plan, raised_layers=raised_layers, rest_precision=rest_precision))
    return [(mixture, workshop.build(mixture)) for mixture in wanted], list(chosen.values())


class OutOfTime(Exception):
    """The search may not go on."""


class Search:
    """How few of a candidate's layers must be in float for its pictures to hold a gate. ``refusals``: what was said of
    candidates with layers in float that could not be built, in order."""

    def __init__(self, workshop: Workshop, plan: Plan, gate: float, probe: Probe, deadline: Deadline) -> None:
        self.workshop, self.plan, self.gate, self.probe, self.deadline = workshop, plan, gate, probe, deadline
        self.simulation = simulation(workshop, plan)
        self.layers = self.simulation.layers
        self._sample = few(probe.inputs, self.simulation.graph.batch)
        self._floats = self.simulation.run(self._sample, ())
        self._counts: dict[tuple[Layer, ...], int] = {}
        self._held: dict[frozenset[Layer], bool] = {}
        self.refusals: dict[str, None] = {}

    def orders(self) -> list[list[Layer]]:
        """By error alone; where that can hold the gate and layers are timed here, by error for the time saved too."""
        errors = {layer: 10 ** (-db / 10) for layer, db in alone_db(self.simulation, self.probe.inputs).items()}
        first = by_error(errors)
        count = self.fewest(first)
        if count == len(first):
            return [first]
        if self.deadline.passed:
            raise OutOfTime
        saved = times(self.workshop, self.plan, self.layers, first[: 2 * count])
        return [first] if saved is None else [first, by_error_for_time(errors, saved)]

    def fewest(self, order: Sequence[Layer]) -> int:
        """How many of ``order``, from its beginning; all where no smaller number does."""
        key = tuple(order)
        if key not in self._counts:
            self._counts[key] = self._fewest(order)
        return self._counts[key]

    def _fewest(self, order: Sequence[Layer]) -> int:
        simulated = least(0, len(order), lambda count: self._simulated(order[count:]))
        if simulated < len(order) and self._holds(order[:simulated]):
            return simulated
        return least(min(simulated, len(order) - 1), len(order), lambda count: self._holds(order[:count]))

    def _simulated(self, rounded: Sequence[Layer]) -> bool:
        return decibels(self.simulation, rounded, self._sample, self._floats) >= self.gate + BARELY

    def _holds(self, raised_layers: Sequence[Layer]) -> bool:
        """Whether the built candidate does."""
        key = frozenset(raised_layers)
        if key not in self._held:
            if self.deadline.passed:
                raise OutOfTime
            self._held[key] = self._psnr_db(key) >= self.gate + BARELY
        return self._held[key]

    def fewest_that_held(self) -> frozenset[Layer]:
        """Of the sets of layers that were built and held the gate the smallest; empty where none did."""
        return min((key for key, held in self._held.items() if held), key=len, default=frozenset())

    def _psnr_db(self, raised_layers: frozenset[Layer]) -> float:
        """Of the built candidate's pictures; nothing at all where it could not be built, or does not run."""
        row = self.workshop.build(replace(self.plan, raised_layers=raised_layers))
        if row.runs is None:
            self.refusals[f"{row.name}: {row.error}"] = None
            return -np.inf
        artifacts, threads = {"probe": self.workshop.root / row.runs}, self.workshop.options.threads
        outcome = run_job(Job(artifacts=artifacts, inputs=self.probe.inputs, threads=threads))["probe"]
        return -np.inf if outcome.images is None else self.probe.psnr_db(outcome.images)


def least(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The least count above ``low`` that holds, by halves; ``low`` is known not to, ``high`` is taken to."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
