"""How many channels each group keeps."""

from __future__ import annotations

from edgegan.prune.how import REDUNDANCY

MULTIPLE = 4
"""Wide layers keep a multiple of this many channels: kernels of every backend work in such blocks."""


def kept_widths(widths: list[int], share: float, redundancy: float = REDUNDANCY) -> list[int]:
    """How many channels each group keeps, so that ``share`` of all are removed to within a block: proportional to width
    ** redundancy, at most all of them, at least one."""
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
    return _in_blocks(widths, [min(n, low * n**redundancy) for n in widths], wanted)


def _in_blocks(widths: list[int], exact: list[float], wanted: float) -> list[int]:
    """Whole blocks of each, those of the largest remainders first: equal groups do not all lose one at the same share,
    and a budget between is met."""
    blocks = [MULTIPLE if n >= 4 * MULTIPLE else 1 for n in widths]
    kept = [min(n, max(block, int(e / block) * block)) for n, block, e in zip(widths, blocks, exact, strict=True)]
    left = wanted - sum(kept)
    for index in sorted(range(len(widths)), key=lambda i: (kept[i] - exact[i]) / blocks[i]):
        if left >= blocks[index] / 2 and kept[index] + blocks[index] <= widths[index]:
            kept[index] += blocks[index]
            left -= blocks[index]
    return kept
