"""Energy of calls: idle first, then the work for as long, a counter read beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from edgegan.bench.power.contract import Source, Unreadable

SECONDS = 10.0
"""Least time of work: counters move every tenth of a second, and power follows load slowly."""
PARTS = 5
"""Parts of the run, whose differences are the figure's spread."""


@dataclass(frozen=True)
class Look:
    """Energy by rail since the source was opened, at a moment in seconds."""

    moment: float
    joules: dict[str, float]


class _Watch:
    """Looks at the source in a thread of its own, as often as it moves; ``looks`` has every look. What the source
    raised is raised by ``look``."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._failed: BaseException | None = None
        self.looks: list[Look] = []
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Watch:
        self.look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def look(self) -> Look:
        if self._failed is not None:
            raise self._failed
        with self._lock:
            joules = self._source.joules()
            self.looks.append(Look(time.monotonic(), joules))
            return self.looks[-1]

    def _watch(self) -> None:
        while not self._stop.wait(self._source.resolution):
            try:
                self.look()
            except Exception as exc:
                self._failed = exc
                return


def metered(source: Source, call: Callable[[], object], images: int, seconds: float = SECONDS) -> dict[str, Any]:
    """``schemas.Power`` of ``call``, which makes ``images`` pictures, repeated for at least ``seconds``; what the
    machine takes at rest is measured just before, for as long. Raises DeviceError where the source fails, Unreadable
    where it stands still."""
    with _Watch(source) as watch:
        start = watch.look()
        time.sleep(seconds)
        rested = watch.look()
    call()
    with _Watch(source) as watch:
        marks, counts = [watch.look()], []
        for _ in range(PARTS):
            counts.append(_repeat(call, seconds / PARTS))
            marks.append(watch.look())
        looks = watch.looks
    first, last = marks[0], marks[-1]
    taken, whole = last.moment - first.moment, source.whole
    gross, idle = _watts(first, last, whole), _watts(start, rested, whole)
    if not gross > 0:
        raise Unreadable(f"{source.name}'s counter did not move in {taken:.1f} s")
    calls = sum(counts)
    per_part = [
        1e3 * _joules(a, b, whole) / (count * images) for (a, b), count in zip(pairwise(marks), counts, strict=True)
    ]
    energy = gross * taken / (calls * images)
    return {
        "source": source.name,
        "scope": source.scope,
        "rails": {rail: _watts(first, last, frozenset({rail})) for rail in last.joules},
        "seconds": taken,
        "gross_w": gross,
        "idle_w": idle,
        "net_w": gross - idle,
        "peak_w": max((_watts(a, b, whole) for a, b in _apart(looks, source.resolution)), default=gross),
        "energy_mj_per_inference": 1e3 * energy,
        "energy_mj_per_inference_std": float(np.std(per_part, ddof=1)),
        "net_energy_mj_per_inference": 1e3 * (gross - idle) * taken / (calls * images),
        "images_per_joule": 1 / energy,
    }


def _repeat(call: Callable[[], object], seconds: float) -> int:
    """How many calls took at least ``seconds``."""
    end, count = time.perf_counter() + seconds, 0
    while count == 0 or time.perf_counter() < end:
        call()
        count += 1
    return count


def _joules(start: Look, end: Look, rails: frozenset[str]) -> float:
    return sum(end.joules[rail] - start.joules[rail] for rail in rails)


def _watts(start: Look, end: Look, rails: frozenset[str]) -> float:
    return _joules(start, end, rails) / (end.moment - start.moment)


def _apart(looks: list[Look], resolution: float) -> list[tuple[Look, Look]]:
    """Neighbouring looks, without those that follow one another faster than the counter moves."""
    kept = looks[:1]
    for look in looks[1:]:
        if look.moment - kept[-1].moment >= resolution:
            kept.append(look)
    return list(pairwise(kept))
