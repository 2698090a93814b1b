"""Mixed precision: which int8 candidates are worth giving layers in float, so that their pictures hold the gate, and
in what those layers then compute.

All in int8 a backend is as fast as any of its mixtures, so none is built for one that a passing candidate outruns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgegan.bench.worker import Job, Outcome, run_job
from edgegan.compress.backends import builder
from edgegan.compress.build import Workshop
from edgegan.compress.plan import Plan
from edgegan.compress.rows import Built
from edgegan.compress.search import MARGIN, OutOfTime, Probe, Search
from edgegan.core.deadline import Deadline
from edgegan.core.progress import Progress
from edgegan.graph.graph import Graph
from edgegan.quantize.layers import Layer

ALIKE = 1.5
"""Of the int8 candidates within so many decibels of the best the fastest is given layers in float."""
SECONDS = 0.3
FEW = 4
"""Batches on which candidates that are not in int8 are compared."""


@dataclass(frozen=True)
class Reached:
    """A candidate with the PSNR of its pictures, and ``low_db`` that it has over others at least; its milliseconds are
    infinite where nothing is timed, so that pictures decide."""

    plan: Plan
    psnr_db: float
    low_db: float
    p50_ms: float


@dataclass(frozen=True)
class Mixed:
    """Candidates with layers in float, what was found, and the fastest of all that hold the gate on other pictures
    too."""

    rows: list[Built]
    notes: list[str]
    fastest: Reached | None


def mix(
    workshop: Workshop,
    tried: Sequence[tuple[Plan, Built]],
    gate: float,
    network: Graph,
    deadline: Deadline,
    progress: Progress,
) -> Mixed:
    """For each backend none of whose int8 candidates clearly holds ``gate`` dB, the one that does so with layers in
    float; backends whose mixtures cannot win are left out.

    ``tried``: the built candidates. ``network`` is the float network that all were made from. ``progress`` is told of
    every backend that is done with.
    """
    probe = probed(workshop, network)
    reached = reach(workshop, tried, probe)
    by_backend: dict[str, list[Reached]] = {}
    for one in reached:
        if one.plan.precision == "int8":
            by_backend.setdefault(one.plan.backend, []).append(one)
    mixed_rows: list[Built] = []
    notes: list[str] = []
    for done, own in enumerate(sorted(by_backend.values(), key=_least_ms)):
        progress.step(done, len(by_backend))
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
        start = next(one for one in own if one.plan == plan)
        mixtures, plan_notes = mixtures_of(workshop, start, gate, probe, deadline)
        reached += reach(workshop, mixtures, probe)
        mixed_rows += [row for _, row in mixtures]
        notes += plan_notes
    return Mixed(mixed_rows, notes, fastest_passing(reached, gate))


def probed(workshop: Workshop, network: Graph) -> Probe:
    inputs = workshop.subject.probe_inputs(workshop.options)
    return Probe(inputs, network.run(inputs), network.spec.output_range)


def reach(workshop: Workshop, candidates: Sequence[tuple[Plan, Built]], probe: Probe) -> list[Reached]:
    """Those candidates that run: timed side by side, then those in int8 on all of the probe's inputs, the others on a
    few."""
    built = {plan: row.runs for plan, row in candidates if row.runs}
    if not built:
        return []
    artifacts = {plan.name: workshop.root / runs for plan, runs in built.items()}
    few = probe.first(workshop.subject.graph.batch * FEW)
    job = Job(
        artifacts=artifacts,
        inputs=few.inputs,
        threads=workshop.options.threads,
        timed=tuple(plan.name for plan in built if workshop.can_time(plan)),
        seconds=SECONDS,
    )
    outcomes = run_job(job)
    in_int8 = {plan.name: artifacts[plan.name] for plan in built if plan.precision == "int8"}
    more = run_job(Job(artifacts=in_int8, inputs=probe.inputs, threads=workshop.options.threads)) if in_int8 else {}
    found = []
    for plan in built:
        asked = probe if plan.name in in_int8 else few
        images = (more if plan.name in in_int8 else outcomes)[plan.name].images
        if images is not None:
            found.append(Reached(plan, asked.psnr_db(images), asked.low_db(images), _p50_ms(outcomes[plan.name])))
    return found


def timed_ms(workshop: Workshop, files: Mapping[str, str]) -> dict[str, float]:
    """Milliseconds of artifacts that lie in the candidates' folder, by name, timed side by side; without those that do
    not run."""
    job = Job(
        artifacts={name: workshop.root / file for name, file in files.items()},
        inputs=workshop.subject.data.inputs(workshop.subject.graph.spec, workshop.subject.graph.batch, 0),
        threads=workshop.options.threads,
        timed=tuple(files),
        seconds=SECONDS,
    )
    return {name: outcome.latency_ms["p50"] for name, outcome in run_job(job).items() if outcome.latency_ms}


def _p50_ms(outcome: Outcome) -> float:
    return outcome.latency_ms["p50"] if outcome.latency_ms else np.inf


def _least_ms(reached: Sequence[Reached]) -> float:
    return min(one.p50_ms for one in reached)


def fastest_passing(reached: Sequence[Reached], gate: float) -> Reached | None:
    """The fastest candidate that holds ``gate`` dB on other pictures too; None where none does, or none is timed."""
    passing = [one for one in reached if one.low_db >= gate and np.isfinite(one.p50_ms)]
    return min(passing, key=lambda one: one.p50_ms, default=None)


def cannot_win(own: Sequence[Reached], best: Reached) -> bool:
    """Whether no mixture of a backend can be faster than ``best``: layers in float make its int8 candidates slower."""
    return _least_ms(own) >= best.p50_ms


def starting_point(reached: Sequence[Reached], gate: float) -> Plan | None:
    """The candidate to be given layers in float; None where int8 alone clearly holds ``gate`` dB."""
    if max(one.low_db for one in reached) >= gate + MARGIN:
        return None
    best = max(one.psnr_db for one in reached)
    alike = [one for one in reached if one.psnr_db >= best - ALIKE]
    return min(alike, key=lambda one: (one.p50_ms, -one.psnr_db)).plan


def mixtures_of(
    workshop: Workshop, start: Reached, gate: float, probe: Probe, deadline: Deadline
) -> tuple[list[tuple[Plan, Built]], list[str]]:
    """Candidates of ``start`` with as few layers in float as hold ``gate`` dB, one for each order of layers and for
    each precision that those may take, built; and what was found."""
    plan = start.plan
    search = Search(workshop, plan, gate, probe, deadline, start.psnr_db, start.psnr_db - start.low_db)
    if len(search.layers) < 2:
        return [], [f"{plan.name}: its one layer cannot be in two precisions"]
    chosen: dict[frozenset[Layer], str] = {}
    try:
        for order in search.orders():
            raised = search.fewest(order)
            if raised is not None:
                names = ", ".join(layer.node for layer in raised)
                note = f"{plan.name}: {len(raised)} of {len(order)} layers in float hold {gate:g} dB: {names}"
                chosen[frozenset(raised)] = note
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
