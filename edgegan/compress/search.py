"""How few of a candidate's layers must be in float for its pictures to hold a gate.

What each layer costs is found once, from one set of activations (``edgegan.quantize.contributions``). How many layers
of an order to raise follows by arithmetic; built candidates then confirm it, and correct by what they show. Layers from
which something is chosen (``edgegan.quantize.decisions``) are raised before all others: what they cost no derivative
tells.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from edgegan.bench.worker import Job, run_job
from edgegan.compress.build import Workshop
from edgegan.compress.order import by_error, by_error_for_work, few, simulation
from edgegan.compress.plan import Plan
from edgegan.compress.probe import MOST_SPREAD, Probe
from edgegan.core.deadline import Deadline
from edgegan.quantize.contributions import contributions
from edgegan.quantize.decisions import deciding
from edgegan.quantize.layers import Layer

MARGIN = 1.0
"""Other inputs judge a candidate later, so it is built for what those may show less, at most MOST_SPREAD decibels, and
MARGIN more: the few layers that this raises cost little time."""
SAMPLES = 4
"""Inputs from whose activations the layers' costs are taken."""
MOST_BUILT = 3
"""Candidates that are built for one order of layers."""
MOST_RAISED, NEAR = 0.6, 2.0
"""With a larger share of the multiply-accumulates in float int8 gains next to nothing. What a prediction falls short of
by fewer decibels than NEAR is tried all the same."""
CLOSE = 0.03
"""Share of the layers by which one more candidate would have to differ to be worth building."""


class OutOfTime(Exception):
    """The search may not go on."""


class Search:
    """``start_db``: PSNR of ``plan`` all in int8, as it is; ``spread_db``: what other pictures may show less;
    ``worth``: the share of the work that may be in float. ``refusals``: what was said of candidates with layers in
    float that could not be built, in order."""

    def __init__(
        self,
        workshop: Workshop,
        plan: Plan,
        gate: float,
        probe: Probe,
        deadline: Deadline,
        start_db: float,
        spread_db: float,
        worth: float = 1.0,
    ) -> None:
        self.workshop, self.plan, self.probe, self.deadline = workshop, plan, probe, deadline
        self.wanted_db = gate + min(MOST_SPREAD, spread_db) + MARGIN
        simulated = simulation(workshop, plan)
        self.layers, self.deciding = simulated.layers, deciding(simulated)
        self.costs = contributions(simulated, few(probe.inputs, simulated.graph.batch, SAMPLES))
        self.start_db, self.most_raised = start_db, min(worth, MOST_RAISED)
        self._built: dict[frozenset[Layer], float] = {}
        self.refusals: dict[str, None] = {}

    def orders(self) -> list[list[Layer]]:
        """By error alone, and by error for the work done; one where both are the same. What decides comes first."""
        alone = {layer: error for layer, error in self.costs.alone().items() if layer not in self.deciding}
        first, second = by_error(alone), by_error_for_work(alone)
        return [[*self.deciding, *order] for order in ([first] if first == second else [first, second])]

    def fewest(self, order: Sequence[Layer]) -> list[Layer] | None:
        """The layers of ``order``, from its beginning, that hold the gate when raised; None where no number of them was
        found to. Raises OutOfTime."""
        wanted = self.wanted_db
        low, high, start_db = len(self.deciding), len(order), self.start_db
        if low:
            if not self._is_worth(order[:low]):
                return None
            start_db = self._psnr_db(frozenset(order[:low]))
            if start_db >= wanted:
                return list(order[:low])
        excess = start_db - self.costs.psnr_db(order[low:])
        held = None
        for _ in range(MOST_BUILT):
            count = self._predicted(order, wanted - excess, low, high)
            if count is None or (held is not None and held - count <= CLOSE * len(order)):
                break
            reached = self._psnr_db(frozenset(order[:count]))
            if reached >= wanted:
                held = high = count
            else:
                low = count
            excess = reached - self.costs.psnr_db(order[count:])
            if not np.isfinite(excess):
                break
        return None if held is None else list(order[:held])

    def _is_worth(self, raised_layers: Sequence[Layer]) -> bool:
        """Whether int8 gains by the other layers."""
        work = sum(layer.macs for layer in self.layers)
        return sum(layer.macs for layer in raised_layers) <= self.most_raised * work

    def _predicted(self, order: Sequence[Layer], wanted: float, low: int, high: int) -> int | None:
        """The least count between ``low`` and ``high`` whose pictures would reach ``wanted`` dB, or come NEAR it with
        as many layers as are worth raising; None where there is none."""
        work = np.cumsum([layer.macs for layer in order])
        between = [n for n in range(low + 1, high) if work[n - 1] <= self.most_raised * work[-1]]
        if not between:
            return None
        reached = next((n for n in between if self.costs.psnr_db(order[n:]) >= wanted), None)
        near = self.costs.psnr_db(order[between[-1] :]) >= wanted - NEAR
        return reached if reached is not None or not near else between[-1]

    def fewest_that_held(self) -> frozenset[Layer]:
        """Of the sets of layers that were built and held the gate the smallest; empty where none did."""
        return min(
            (key for key, reached in self._built.items() if reached >= self.wanted_db), key=len, default=frozenset()
        )

    def _psnr_db(self, raised_layers: Collection[Layer]) -> float:
        """Of the built candidate's pictures; nothing at all where it could not be built, or does not run."""
        key = frozenset(raised_layers)
        if key not in self._built:
            if self.deadline.passed:
                raise OutOfTime
            self._built[key] = self._build(key)
        return self._built[key]

    def _build(self, raised_layers: frozenset[Layer]) -> float:
        row = self.workshop.build(replace(self.plan, raised_layers=raised_layers))
        if row.runs is None:
            self.refusals[f"{row.name}: {row.error}"] = None
            return -np.inf
        artifacts, threads = {"probe": self.workshop.root / row.runs}, self.workshop.options.threads
        outcome = run_job(Job(artifacts=artifacts, inputs=self.probe.inputs, threads=threads))["probe"]
        return -np.inf if outcome.images is None else self.probe.psnr_db(outcome.images)
