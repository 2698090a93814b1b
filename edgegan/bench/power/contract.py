"""What a source of power must say, and how readings of watts become energy."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

Clock = Callable[[], float]


class Unreadable(Exception):
    """Why a source gives nothing here, and what helps: one sentence."""


class Source(Protocol):
    """A counter that was opened.

    ``name``: of the kind. ``scope``: what the figure covers, for a rail is no wall socket. ``resolution``: seconds
    between which the counter moves; to look more often shows nothing. ``whole``: the rails whose sum is the figure;
    others lie within them, or are a second reading.
    """

    name: str
    scope: str
    resolution: float
    whole: frozenset[str]

    def joules(self) -> dict[str, float]:
        """Energy by rail since the source was opened."""
        ...

    def close(self) -> None: ...


class Integrated:
    """Energy of rails of which only the present watts can be read: by the trapezoidal rule between two looks."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._joules: dict[str, float] = {}
        self._last: tuple[float, Mapping[str, float]] | None = None

    def add(self, watts: Mapping[str, float]) -> dict[str, float]:
        """What there is after these watts, all of this moment."""
        now = self._clock()
        if self._last is None:
            self._joules = dict.fromkeys(watts, 0.0)
        else:
            then, before = self._last
            for rail, value in watts.items():
                self._joules[rail] += (now - then) * (before[rail] + value) / 2
        self._last = now, dict(watts)
        return dict(self._joules)


def system_root() -> Path:
    """The folder below which ``sys/`` and ``proc/`` lie: EDGEGAN_SYS_ROOT, so that recorded trees can stand in."""
    return Path(os.environ.get("EDGEGAN_SYS_ROOT", "/"))
