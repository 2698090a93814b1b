"""How many channels each group keeps."""

from __future__ import annotations

from edgegan.prune.how import REDUNDANCY

MULTIPLE = 4
"""Wide layers keep a multiple of this many channels: kernels of every backend work in such blocks."""


def kept_widths(widths: list[int], share: float, redundancy: float = REDUNDANCY) -> list[int]:
    """How many channels each group keeps, so that ``share`` of all are removed: proportional to width ** redundancy,
    at most all of them, at least one."""
    if not widths or share == 0:
        return widths
    wanted = sum(widths) * (1 - share)
    low, high = 0.0, float(max(widths))
    for _ in range(60):
        scale = (low + high) / 2
        if sum(min(n, scale * n**redundancy) for n in widths) > wanted:
            high = scale
        else:
            low = scale
    return [_whole(n, min(n, low * n**redundancy)) for n in widths]


def _whole(channels: int, kept: float) -> int:
    """The nearest width that kernels like: a multiple of MULTIPLE in wide groups."""
    if channels >= 4 * MULTIPLE:
        return min(channels, max(MULTIPLE, round(kept / MULTIPLE) * MULTIPLE))
    return max(1, round(kept))
