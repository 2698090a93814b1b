"""Mixed precision: which int8 candidate of a backend is worth giving layers in float, so that its pictures hold the
gate, and in what those layers then compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgegan.compress.backends import builder
from edgegan.compress.build import Workshop
from edgegan.compress.contest import Reached
from edgegan.compress.plan import Plan
from edgegan.compress.probe import Probe
from edgegan.compress.rows import Built
from edgegan.compress.search import MARGIN, MOST_RAISED, OutOfTime, Search
from edgegan.core.deadline import Deadline
from edgegan.quantize.layers import Layer

ALIKE = 1.5
"""Of the int8 candidates within so many decibels of the best the fastest is given layers in float."""


def starting_point(reached: Sequence[Reached], gate: float) -> Plan | None:
    """The candidate to be given layers in float; None where int8 alone clearly holds ``gate`` dB."""
    if max(one.low_db for one in reached) >= gate + MARGIN:
        return None
    best = max(one.psnr_db for one in reached)
    alike = [one for one in reached if one.psnr_db >= best - ALIKE]
    return min(alike, key=lambda one: (one.p50_ms, -one.psnr_db)).plan


def mixtures_of(
    workshop: Workshop, start: Reached, gate: float, probe: Probe, deadline: Deadline, worth: float = 1.0
) -> tuple[list[tuple[Plan, Built]], list[str]]:
    """Candidates of ``start`` with as few layers in float as hold ``gate`` dB, one for each order of layers and for
    each precision that those may take, built; and what was found. ``worth``: the share of the work that may be in
    float."""
    plan = start.plan
    search = Search(workshop, plan, gate, probe, deadline, start.psnr_db, start.psnr_db - start.low_db, worth)
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
        which = (
            "no choice of layers in float" if worth >= MOST_RAISED else f"no choice of {worth:.0%} of the work in float"
        )
        return [], [f"{plan.name}: {which} holds {gate:g} dB", *search.refusals]
    wanted = [replace(plan, raised_layers=raised_layers) for raised_layers in chosen]
    for raised_layers in chosen:
        work = sum(layer.macs for layer in raised_layers)
        for rest_precision in builder(plan.backend).rest_precisions(plan, work):
            wanted.append(replace(plan, raised_layers=raised_layers, rest_precision=rest_precision))
    return [(mixture, workshop.build(mixture)) for mixture in wanted], list(chosen.values())
