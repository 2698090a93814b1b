"""Which of several (cost, quality) points no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]
"""Cost, of which less is better, and quality, of which more is."""


def dominates(one: Point, other: Point) -> bool:
    return one[0] <= other[0] and one[1] >= other[1] and one != other


def front(points: Sequence[Point]) -> list[int]:
    """Indices of the points that none dominates, the cheapest first; of equal points the first alone."""
    best = [
        i
        for i, point in enumerate(points)
        if not any(dominates(other, point) for other in points) and point not in points[:i]
    ]
    return sorted(best, key=lambda i: points[i])


def better_half(points: Sequence[Point], least: int = 1) -> set[int]:
    """Indices of half the points, rounded up, at least ``least``: front after front (non-dominated sorting, Deb et al.
    2002), and of the last one those that are furthest from their neighbours."""
    wanted, left = max(least, (len(points) + 1) // 2), list(range(len(points)))
    chosen: list[int] = []
    while left and len(chosen) < wanted:
        order = [left[i] for i in front([points[i] for i in left])]
        room = wanted - len(chosen)
        chosen += order if len(order) <= room else _spread(points, order)[:room]
        left = [i for i in left if i not in set(order)]
    return set(chosen[:wanted])


def _spread(points: Sequence[Point], order: Sequence[int]) -> list[int]:
    """A front's indices, the ends first, then by crowding distance."""
    distances = dict.fromkeys(order, 0.0)
    for axis in (0, 1):
        along = sorted(order, key=lambda i: points[i][axis])
        span = points[along[-1]][axis] - points[along[0]][axis] or 1.0
        distances[along[0]] = distances[along[-1]] = float("inf")
        for before, here, after in zip(along, along[1:], along[2:], strict=False):
            distances[here] += (points[after][axis] - points[before][axis]) / span
    return sorted(order, key=lambda i: -distances[i])
