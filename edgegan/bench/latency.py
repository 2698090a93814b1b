"""Latency by trtexec's practice: warm up by time, then at least so many seconds and runs; percentiles and their
spread."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

import numpy as np

UNSTABLE_CV = 0.025
"""Above this coefficient of variation a measurement is called unstable, as trtexec does."""
MOST_WARMUP = 0.05
"""Seconds before a turn in which nothing is timed, at most."""
FAR_BEHIND = 2.0
"""How many times slower than the fastest a candidate is whose place need not be known more exactly."""
PARTS, STUDENT_T = 10, 2.262
"""Parts of a run that are held against each other, and Student's t for one degree of freedom less, at 95 %."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds of one call of the artifact; ``cv`` is std / mean, ``count`` the number of timed calls."""

    p50: float
    p90: float
    p95: float
    p99: float
    p99_9: float
    mean: float
    std: float
    cv: float
    count: int
    p50_interval: tuple[float, float] | None = None

    def to_json(self) -> dict[str, Any]:
        known = asdict(self)
        interval = known.pop("p50_interval")
        return known if interval is None else known | {"p50_interval": list(interval)}


def summarize(times_ms: np.ndarray) -> Latency:
    """Percentiles (linear interpolation, as numpy) of per-call times."""
    p50, p90, p95, p99, p99_9 = (float(v) for v in np.percentile(times_ms, [50, 90, 95, 99, 99.9]))
    mean, std = float(np.mean(times_ms)), float(np.std(times_ms))
    return Latency(
        p50=p50, p90=p90, p95=p95, p99=p99, p99_9=p99_9, mean=mean, std=std, cv=std / mean, count=len(times_ms),
        p50_interval=_interval(times_ms, p50),
    )  # fmt: skip


def _interval(times_ms: np.ndarray, p50: float) -> tuple[float, float] | None:
    """The median at 95 %, by how it differs between PARTS consecutive parts of the run: a slow spell falls on one. None
    for too few calls."""
    if len(times_ms) < 2 * PARTS:
        return None
    medians = [float(np.median(part)) for part in np.array_split(times_ms, PARTS)]
    reach = STUDENT_T * float(np.std(medians, ddof=1)) / PARTS**0.5
    return p50 - reach, p50 + reach


def repeat(
    call: Callable[[], object], seconds: float, least: int = 0, most_seconds: float = inf, most: float = inf
) -> np.ndarray:
    """Per-call milliseconds of ``call``, repeated for at least ``seconds`` and ``least`` calls, those within
    ``most_seconds``; no more than ``most`` calls."""
    times = []
    begin = time.perf_counter()
    while True:
        start = time.perf_counter()
        call()
        now = time.perf_counter()
        times.append((now - start) * 1e3)
        enough = now - begin >= seconds and (len(times) >= least or now - begin >= most_seconds)
        if enough or len(times) >= most:
            return np.asarray(times)


def measure(call: Callable[[], object], warmup: float = 0.2, seconds: float = 3.0, least: int = 10) -> Latency:
    """Warm up for ``warmup`` seconds, then time ``call`` for at least ``seconds`` and ``least`` calls."""
    repeat(call, warmup)
    return summarize(repeat(call, seconds, least))


def interleaved(
    calls: Mapping[str, Callable[[], object]],
    seconds: float,
    rounds: int = 4,
    warmup: float | None = None,
    least: int = 10,
    told: Callable[[int, int], object] | None = None,
    outrun: float = inf,
) -> dict[str, Latency]:
    """Time several calls in turns, so that a slow spell of the machine falls on all of them alike.

    Each is given ``seconds`` in all, in ``rounds`` turns, each turn after ``warmup`` seconds, by default a quarter of a
    turn, 0.05 at most; at least ``least`` calls, but no more than one a turn where that alone takes longer than the
    turn. Such a call is warm from the turn before. What takes ``outrun`` times as long as the fastest in the first half
    of the turns is left out of the other half. ``told`` hears how many of the turns are over.
    """
    turn = seconds / rounds
    warmup = min(MOST_WARMUP, turn / 4) if warmup is None else warmup
    times: dict[str, list[np.ndarray]] = {name: [] for name in calls}
    running = list(calls)
    for round_ in range(rounds):
        if round_ == rounds // 2:
            running = _within(outrun, times)
        for index, name in enumerate(running):
            call, known = calls[name], times[name]
            if not known or known[-1].max() < turn * 1e3:
                repeat(call, warmup)
            known.append(repeat(call, turn, -(-least // rounds), turn))
            if told:
                told(round_ * len(calls) + index + 1, rounds * len(calls))
    return {name: summarize(np.concatenate(parts)) for name, parts in times.items()}


def _within(outrun: float, times: Mapping[str, list[np.ndarray]]) -> list[str]:
    """Those that take less than ``outrun`` times as long as the fastest; all before any is timed."""
    medians = {name: float(np.median(np.concatenate(known))) for name, known in times.items() if known}
    return [name for name in times if medians.get(name, 0.0) < outrun * min(medians.values(), default=inf)]
