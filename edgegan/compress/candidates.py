"""Every candidate built, each kept as soon as it is made, so that a stopped run goes on from there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from edgegan.compress.build import Workshop
from edgegan.compress.mixed import mix
from edgegan.compress.plan import Plan
from edgegan.compress.plans import has_statistics, plans
from edgegan.compress.rows import Built
from edgegan.core.deadline import Deadline
from edgegan.core.progress import Progress
from edgegan.core.stage import StageResult, StageStore, stopwatch
from edgegan.graph.graph import Graph

BUILDING, MIXING = 0.5, 0.8
"""Shares of a time budget after which no candidate, and no step of mixed precision, is begun: what is built must still
be measured."""


def build_all(
    workshop: Workshop,
    network: Graph,
    store: StageStore,
    progress: Progress,
    quantized_only: bool,
    deadline: Deadline,
) -> StageResult[list[Built]]:
    """The baseline, then every candidate, each kept as soon as it is made; then those of mixed precision that the gate
    asks for. What ``deadline`` leaves untried is told."""
    with stopwatch() as seconds:
        wanted, notes = planned(workshop)
        if quantized_only:
            wanted = [plan for plan in wanted if plan.precision == "int8"]
        if deadline.seconds is not None:
            wanted.sort(key=lambda plan: workshop.options.target.precisions.index(plan.precision))
        store.path("candidates").mkdir(exist_ok=True)
        baseline = _kept(store, "baseline", workshop.baseline)
        tried: list[tuple[Plan, Built]] = []
        for index, plan in enumerate(wanted):
            if tried and deadline.share(BUILDING).passed:
                untried = ", ".join(left.name for left in wanted[index:])
                notes.append(f"WARNING: the time budget left untried: {untried}")
                break
            row = _kept(store, f"candidates/{plan.name}", partial(workshop.build, plan))
            tried.append((plan, row))
            progress.step(index + 1, len(wanted))
            if row.error:
                notes.append(f"{plan.name}: {row.error}")
        rows = [row for _, row in tried]
        if not quantized_only:
            is_whole = len(tried) == len(wanted)
            mixed_rows, mixed_notes = _mixed(workshop, tried, is_whole, network, store, deadline.share(MIXING))
            rows, notes = rows + mixed_rows, notes + mixed_notes
        return StageResult([baseline, *rows], (*baseline.notes, *notes), seconds())


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
    deadline: Deadline,
) -> tuple[list[Built], list[str]]:
    """Candidates of mixed precision for this run's gate, and what was found; a search that was cut short, or began from
    a part of the candidates, is begun anew by the next run."""
    gate = workshop.options.min_psnr
    known = store.read(f"mixed-{gate:g}")
    if known is not None:
        return [Built.from_json(row) for row in known["rows"]], known["notes"]
    mixed_rows, notes = mix(workshop, tried, gate, network, deadline)
    if is_whole and not deadline.passed:
        store.write(f"mixed-{gate:g}", {"rows": [row.to_json() for row in mixed_rows], "notes": notes})
    return mixed_rows, notes


def planned(workshop: Workshop) -> tuple[list[Plan], list[str]]:
    options, native = workshop.options, workshop.graphs["native"]
    return plans(
        options.target,
        options.precision,
        workshop.graphs,
        has_statistics(native),
        options.formulation,
        options.weight_bits,
    )
