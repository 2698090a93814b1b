"""What pruning is told beside how much: plain values, so that options are read without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

CRITERIA = ("magnitude", "gamma", "sensitivity", "random")
REDUNDANCY = 2 / 3
"""A group of n channels keeps a number proportional to n ** REDUNDANCY. Wide layers are the more redundant ones, as in
the layer-wise densities of Evci et al. 2020 (arXiv:1911.11134), and in a generator the narrow ones are the late, large
maps that make the picture. 1 would take the same share everywhere."""


@dataclass(frozen=True)
class How:
    """``criterion``: which channels go, one of CRITERIA. ``redundancy``: a group of n channels keeps a number
    proportional to n to this power. ``keep``: names of layers whose channels all stay. ``drop_blocks``: residual blocks
    that go as a whole, before any channel."""

    criterion: str = "magnitude"
    redundancy: float = REDUNDANCY
    keep: tuple[str, ...] = ()
    seed: int = 0
    drop_blocks: int = 0


PLAINLY = How()
