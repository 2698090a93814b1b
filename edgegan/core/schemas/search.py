"""``search.json``."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

from edgegan.core.schemas.measured import Environment


class Trial(TypedDict):
    """A trial of a search."""

    number: int
    params: dict[str, Any]
    """prune, allocation, criterion, precision."""
    state: str
    """complete, pruned (given up after a short training) or failed."""
    state_reason: NotRequired[str]
    latency_ms: float | None
    """The median."""
    latency_ms_reason: NotRequired[str]
    energy_mj: float | None
    energy_mj_reason: NotRequired[str]
    macs: int | None
    bytes: int | None
    psnr_db: float | None
    """To the original, not pruned."""
    psnr_db_reason: NotRequired[str]
    fd_lite0: float | None
    fd_lite0_reason: NotRequired[str]
    artifact: str | None
    """Its file, below the folder of search.json."""


class Search(TypedDict):
    """``search.json``: every trial, and those that no other beats."""

    schema: Literal[1]
    model: str
    target: str
    seed: int
    environment: Environment
    cost: str
    """What is to be small: latency_ms, energy_mj, or macs where nothing times the target."""
    quality: str
    """fd_lite0, of which less is better, or psnr_db, of which more is."""
    trials: list[Trial]
    front: list[int]
    """Numbers of trials, the cheapest first."""
