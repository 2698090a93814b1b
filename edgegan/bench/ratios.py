"""How many times faster one artifact is than another: in turns, round by round, with the interval of the ratio."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgegan.bench.latency import Latency, repeat, summarize

ROUNDS, TURN_SECONDS, WARMUP_SECONDS = 24, 0.2, 0.05
RESAMPLES, LEVEL = 4000, 98.0
"""Rounds that follow each other are less apart than independent draws: so that 95 of 100 intervals hold."""


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """Time of the first call over time of this one: above 1 this one is faster. ``low`` to ``high`` at LEVEL percent,
    over ``rounds`` rounds."""

    value: float
    low: float
    high: float
    rounds: int

    def to_json(self) -> dict[str, Any]:
        return {"ratio": self.value, "ratio_interval": [self.low, self.high], "rounds": self.rounds}


def in_rounds(
    calls: Mapping[str, Callable[[], object]],
    rounds: int = ROUNDS,
    turn: float = TURN_SECONDS,
    warmup: float = WARMUP_SECONDS,
    told: Callable[[int, int], object] | None = None,
) -> tuple[dict[str, Latency], dict[str, Ratio]]:
    """Time the calls in ``rounds`` rounds of a turn each, every second round backwards, so that what drifts falls on
    all alike; latency by name, and the ratio of the first to each other."""
    names = list(calls)
    times: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for round_ in range(rounds):
        for name in names if round_ % 2 == 0 else reversed(names):
            repeat(calls[name], warmup)
            times[name].append(repeat(calls[name], turn, 1))
        if told:
            told(round_ + 1, rounds)
    medians = {name: np.array([np.median(part) for part in parts]) for name, parts in times.items()}
    latencies = {name: summarize(np.concatenate(parts)) for name, parts in times.items()}
    return latencies, {name: ratio_of(medians[names[0]], medians[name]) for name in names[1:]}


def ratio_of(first: np.ndarray, other: np.ndarray) -> Ratio:
    """Of two series of times, round by round: the mean of their ratio's logarithm, and its interval by the percentile
    bootstrap over rounds (Efron 1979), seeded, widened by Student's t for few rounds as its deviation is."""
    logs = np.log(first / other)
    count = len(logs)
    draws = np.random.default_rng(0).choice(logs, (RESAMPLES, count)).mean(1)
    middle = float(logs.mean())
    edges = [(100 - LEVEL) / 2, (100 + LEVEL) / 2]
    low, high = middle + (np.percentile(draws, edges) - middle) * np.sqrt(count / max(count - 3, 0.5))
    return Ratio(value=float(np.exp(middle)), low=float(np.exp(low)), high=float(np.exp(high)), rounds=count)
