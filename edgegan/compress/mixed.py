"""Mixed precision: which layers of an int8 candidate to leave in float, so that its pictures hold the gate.

Two orders are tried: the layer first that costs the picture most, by simulation (``edgegan.quantize.sensitivity``), and
the one that costs it most for the time that int8 saves there, by the stopwatch. How many of them is first found in
simulation, then by building and running real candidates from there; which order wins, and in which precision, is timed
at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgegan.bench.worker import Job, Outcome, run_job
from edgegan.compress.build import Workshop
from edgegan.compress.order import alone_db, decibels, few, float_orders, simulation, times
from edgegan.compress.plans import Plan, supports_bf16
from edgegan.graph.graph import Graph
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize.sensitivity import Layer

BARELY, NEAR = 1.0, 2.0
"""Other inputs judge a candidate later, so it is built for so many decibels above the gate, and is when int8 alone
comes no further above it than NEAR."""
ALIKE = 1.5
"""Of the int8 candidates within so many decibels of the best the fastest is given layers in float."""
SECONDS = 0.3
INT16_MACS = 1 << 24
"""Raised layers of more work are not tried with activations of 16 bits: LiteRT has only its reference kernels for
those."""


def mix(
    workshop: Workshop, plans: Sequence[Plan], rows: Sequence[dict[str, Any]], gate: float, network: Graph
) -> tuple[list[dict[str, Any]], list[str]]:
    """For each backend none of whose int8 candidates clearly holds ``gate`` dB, the one that does so with layers in
    float.

    ``rows``: the built candidates of ``plans``. ``network`` is the float network that all were made from.
    """
    inputs = workshop.subject.probe_inputs(workshop.options)
    wanted = network.run(inputs)
    span = network.spec.output_range
    made = [(plan, row) for plan, row in zip(plans, rows, strict=True) if plan.precision == "int8" and row["runs"]]
    timed = tuple(row["name"] for _, row in made) if workshop.options.target.runs_here else ()
    outcomes = (
        run_job(
            Job(
                artifacts={row["name"]: workshop.root / row["runs"] for _, row in made},
                inputs=inputs,
                threads=workshop.options.threads,
                timed=timed,
                seconds=SECONDS,
            )
        )
        if made
        else {}
    )
    reached: dict[str, dict[Plan, float]] = {}
    for plan, row in made:
        images = outcomes[row["name"]].images
        if images is not None:
            reached.setdefault(plan.backend, {})[plan] = psnr_db(wanted, images, span)
    found, notes = [], []
    for of_backend in reached.values():
        best = max(of_backend.values())
        if best < gate + NEAR:
            alike = [plan for plan, db in of_backend.items() if db >= best - ALIKE]
            plan = min(alike, key=lambda plan: (_p50(outcomes[plan.name]), -of_backend[plan]))
            made_of, told = mixed(workshop, plan, gate, inputs, wanted)
            found += made_of
            notes += told
    return found, notes


def mixed(
    workshop: Workshop, plan: Plan, gate: float, inputs: dict[str, np.ndarray], wanted: np.ndarray
) -> tuple[list[dict[str, Any]], list[str]]:
    """Candidates of ``plan`` with as few layers in float as hold ``gate`` dB of the pictures ``wanted`` for ``inputs``,
    one for each order of layers, built; and what was found."""
    found = simulation(workshop, plan)
    if len(found.layers) < 2:
        return [], [f"{plan.name}: its one layer cannot be in two precisions"]
    built: dict[frozenset[int], tuple[dict[str, Any], bool]] = {}

    def holds(raised: frozenset[int]) -> bool:
        if raised not in built:
            row = workshop.build(replace(plan, raised=raised))
            images = (
                run_job(
                    Job(
                        artifacts={"probe": workshop.root / row["runs"]},
                        inputs=inputs,
                        threads=workshop.options.threads,
                    )
                )["probe"].images
                if row["runs"]
                else None
            )
            built[raised] = (
                row,
                images is not None and psnr_db(wanted, images, found.graph.spec.output_range) >= gate + BARELY,
            )
        return built[raised][1]

    sample = few(inputs, found.graph.batch)
    floats = found.run(sample, ())

    def fewest(order: list[int]) -> int:
        simulated = _least(0, len(order), lambda count: decibels(found, order[count:], sample, floats) >= gate + BARELY)
        if simulated < len(order) and holds(frozenset(order[:simulated])):
            return simulated
        return _least(min(simulated, len(order) - 1), len(order), lambda count: holds(frozenset(order[:count])))

    chosen: dict[frozenset[int], str] = {}
    errors = [10 ** (-db / 10) for db in alone_db(found, inputs)]
    (by_error,) = float_orders(errors, None)
    orders = [by_error]
    first = fewest(by_error)
    if first < len(by_error):
        orders = float_orders(errors, times(workshop, plan, found.layers, by_error[: 2 * first]))
    for order in orders:
        high = first if order == by_error else fewest(order)
        if high < len(order):
            names = ", ".join(found.layers[i].node for i in order[:high])
            chosen[frozenset(order[:high])] = (
                f"{plan.name}: {high} of {len(order)} layers in float hold {gate:g} dB: {names}"
            )
    if not chosen:
        return [], [f"{plan.name}: no choice of layers in float holds {gate:g} dB"]
    others = [
        workshop.build(replace(plan, raised=raised, rest=rest))
        for raised in chosen
        for rest in _rests(plan, [found.layers[i] for i in raised])
    ]
    return [built[raised][0] for raised in chosen] + others, list(chosen.values())


def _p50(outcome: Outcome) -> float:
    """Milliseconds; infinite where nothing was timed, so that pictures decide."""
    return outcome.latency_ms["p50"] if outcome.latency_ms else np.inf


def _rests(plan: Plan, raised: Sequence[Layer]) -> list[str]:
    """Precisions other than float32 that raised layers may take."""
    if plan.backend == "openvino" and plan.rest == "fp32" and supports_bf16():
        return ["bf16"]
    if plan.backend.startswith("tensorrt") and plan.rest == "fp32":
        return ["fp16"]
    return ["int16"] if plan.backend == "litert" and sum(layer.macs for layer in raised) <= INT16_MACS else []


def _least(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The least count above ``low`` that holds, by halves; ``low`` is known not to, ``high`` is taken to."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
