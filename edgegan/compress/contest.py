"""Candidates held against each other before the verdict: how fast each is, how far its pictures are from the float
network's, and which may still win."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgegan.bench.latency import FAR_BEHIND
from edgegan.bench.worker import Job, Outcome, p50_ms, run_job
from edgegan.compress.build import Workshop
from edgegan.compress.plan import Plan
from edgegan.compress.probe import Probe
from edgegan.compress.rows import Built

SECONDS = 0.3
SLACK = 1.25
"""Layers differ in what float costs them: so many times the share that the mean layer allows is tried."""
FEW = 4
"""Batches on which candidates are compared that are not in int8, or slow in what computes here in their place."""


@dataclass(frozen=True)
class Reached:
    """A candidate, its file in the workshop, the PSNR of its pictures, and ``low_db`` that it has over others at least;
    its milliseconds are infinite where nothing is timed, so that pictures decide."""

    plan: Plan
    file: str
    psnr_db: float
    low_db: float
    p50_ms: float


class Contest:
    """``reached``: the candidates that were entered and run. ``float_ms``: what the plain float32 takes, where that is
    known. ``hangs``: backends that do not come back from loading, with what was said."""

    def __init__(self, workshop: Workshop, gate: float, probe: Probe) -> None:
        self.workshop, self.gate, self.probe = workshop, gate, probe
        self.reached: list[Reached] = []
        self.float_ms: float | None = None
        self.hangs: dict[str, str] = {}

    def enter(self, candidates: Sequence[tuple[Plan, Built]]) -> dict[str, str]:
        """Time them side by side, and compare the pictures of those that run; what stopped the others, by name."""
        reached, failed = reach(self.workshop, candidates, self.probe)
        self.reached += reached
        backends = {plan.name: plan.backend for plan, _ in candidates}
        self.hangs |= {backends[name]: outcome.error or "" for name, outcome in failed.items() if outcome.hangs}
        return {name: outcome.error or "" for name, outcome in failed.items()}

    def fastest(self) -> Reached | None:
        """The fastest that holds the gate on other pictures too."""
        return fastest_passing(self.reached, self.gate)

    def in_int8(self, backend: str) -> list[Reached]:
        return [one for one in self.reached if one.plan.precision == "int8" and one.plan.backend == backend]

    def why_lost(self, least_ms: float, leeway: float = 1.0) -> str | None:
        """Why no candidate of a backend that has layers in int8 can win: all in int8 it takes ``least_ms``. ``leeway``:
        by how many times that must be more, where the two were not timed together."""
        best = self.fastest()
        if best is None or least_ms < leeway * best.p50_ms:
            return None
        held = f"{best.plan.name} holds {self.gate:g} dB in {best.p50_ms:.3g} ms"
        return f"all in int8 it takes {least_ms:.3g} ms, and {held}"

    def worth_raising(self, int8_ms: float) -> float:
        """The share of the work that a candidate which takes ``int8_ms`` may have in float and still win, by the time
        that the plain float32 takes for all of it; 1 where no candidate passes, or times are not known."""
        best = self.fastest()
        if best is None or self.float_ms is None or self.float_ms <= int8_ms:
            return 1.0
        return SLACK * max(0.0, best.p50_ms - int8_ms) / (self.float_ms - int8_ms)


def fastest_passing(reached: Sequence[Reached], gate: float) -> Reached | None:
    """The fastest candidate that holds ``gate`` dB on other pictures too; None where none does, or none is timed."""
    passing = [one for one in reached if one.low_db >= gate and np.isfinite(one.p50_ms)]
    return min(passing, key=lambda one: one.p50_ms, default=None)


def least_ms(reached: Sequence[Reached]) -> float:
    return min((one.p50_ms for one in reached), default=np.inf)


def reach(
    workshop: Workshop, candidates: Sequence[tuple[Plan, Built]], probe: Probe
) -> tuple[list[Reached], dict[str, Outcome]]:
    """Those candidates that run: timed side by side, those in int8 compared on all of the probe's inputs, the others,
    and those whose stand-in computes float16, on a few. And what the others did, by name."""
    built = {plan: row.runs for plan, row in candidates if row.runs}
    if not built:
        return [], {}
    few = probe.first(workshop.subject.graph.batch * FEW)
    asked = {
        plan: probe if plan.precision == "int8" and (plan.rest_precision == "fp32" or workshop.can_time(plan)) else few
        for plan in built
    }
    job = Job(
        artifacts={plan.name: workshop.root / runs for plan, runs in built.items()},
        inputs=few.inputs,
        own_inputs={plan.name: own.inputs for plan, own in asked.items() if own is probe},
        threads=workshop.options.threads,
        timed=tuple(plan.name for plan in built if workshop.can_time(plan)),
        seconds=SECONDS,
        outrun=FAR_BEHIND,
    )
    outcomes = run_job(job)
    taken, found = p50_ms(outcomes), []
    for plan, file in built.items():
        own, outcome = asked[plan], outcomes[plan.name]
        if outcome.images is not None:
            decibels = own.psnr_db(outcome.images), own.low_db(outcome.images)
            found.append(Reached(plan, file, *decibels, taken.get(plan.name, np.inf)))
    return found, {name: outcome for name, outcome in outcomes.items() if outcome.images is None}


def timed(workshop: Workshop, files: Mapping[str, str]) -> dict[str, Outcome]:
    """What artifacts that lie in the workshop's folder did, by name, timed side by side."""
    job = Job(
        artifacts={name: workshop.root / file for name, file in files.items()},
        inputs=workshop.subject.data.inputs(workshop.subject.graph.spec, workshop.subject.graph.batch, 0),
        threads=workshop.options.threads,
        timed=tuple(files),
        seconds=SECONDS,
    )
    return run_job(job)
