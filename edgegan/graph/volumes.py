"""Samples out of volumes: ``grid_sample`` over three axes (features that one-shot talking heads turn in space) as rows
of a table and sums, which every backend has; ONNX Runtime alone has the operator itself.

A sample is the sum of the eight values around its place by their weights. Values of one place, over all channels, are
one row of a table that is read by number. Formulas: PyTorch's documentation of ``grid_sample``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch

from edgegan.graph.operators import aten

BILINEAR, NEAREST = 0, 1
ZEROS, BORDER, REFLECTION = 0, 1, 2


def samples_of(
    volume: torch.Tensor, grid: torch.Tensor, interpolation: int, padding: int, align_corners: bool
) -> torch.Tensor:
    """(N, C, D, H, W) and places (N, d, h, w, 3) of -1 to 1, x first -> (N, C, d, h, w); not for pictures, which
    backends take as they are."""
    if grid.ndim != 5 or interpolation not in (BILINEAR, NEAREST):
        return NotImplemented
    samples, channels, *sizes = volume.shape
    table = volume.permute(0, 2, 3, 4, 1).reshape(-1, channels)
    places = [_placed(grid[..., 2 - axis], size, padding, align_corners) for axis, size in enumerate(sizes)]
    first = torch.arange(samples, device=grid.device).reshape(-1, 1, 1, 1) * sizes[0] * sizes[1] * sizes[2]
    total = None
    for corner in itertools.product((0, 1), repeat=3) if interpolation == BILINEAR else [(None,) * 3]:
        row, weight = first, None
        for place, size, step, stride in zip(places, sizes, corner, _strides(sizes), strict=True):
            near = place.round() if step is None else place.floor() + step
            share = None if step is None else 1 - (place - near).abs()
            if padding == ZEROS:
                inside = ((near >= 0) & (near <= size - 1)).to(volume.dtype)
                share = inside if share is None else share * inside
            row = row + near.clamp(0, size - 1).to(torch.int64) * stride
            if share is not None:
                weight = share if weight is None else weight * share
        value = table.index_select(0, row.reshape(-1)).reshape(*grid.shape[:4], channels)
        value = value if weight is None else value * weight.unsqueeze(-1)
        total = value if total is None else total + value
    assert total is not None
    return total.permute(0, 4, 1, 2, 3).contiguous()


def _strides(sizes: list[int]) -> list[int]:
    return [sizes[1] * sizes[2], sizes[2], 1]


def _placed(place: torch.Tensor, size: int, padding: int, align_corners: bool) -> torch.Tensor:
    """-1 to 1 as the number of a value, within the volume where ``padding`` says so."""
    place = (place + 1) / 2 * (size - 1) if align_corners else ((place + 1) * size - 1) / 2
    if padding == REFLECTION:
        low, span = (0.0, size - 1.0) if align_corners else (-0.5, float(size))
        place = low + span - (torch.remainder(place - low, 2 * span) - span).abs() if span else place * 0
    return place if padding == ZEROS else place.clamp(0, size - 1)


DECOMPOSITIONS: dict[Any, Callable[..., torch.Tensor]] = {aten.grid_sampler.default: samples_of}
