"""Values at computed places, ``grid_sample``, as rows of a table and sums: what moves pictures by a flow, or features
in space.

A value between places is the sum of those around it by their weights: four in a picture, eight in a volume. Those of
one place over all channels are one row of a table that is read by number. Formulas: PyTorch's documentation of
``grid_sample``. Volumes no backend but ONNX Runtime takes; pictures LiteRT's converter makes slow
(``passes.warp_by_rows``).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch

from edgegan.graph.operators import aten

BILINEAR, NEAREST = 0, 1
ZEROS, BORDER, REFLECTION = 0, 1, 2
MOST_ROWS = 2**24
"""Whose numbers float32 holds exactly."""


def has_rows(size: Sequence[int], interpolation: int) -> bool:
    """Whether values of this size (N, C, *sizes) are read by ``warped``: not for bicubic weights, nor from tables of
    more than MOST_ROWS."""
    return interpolation in (BILINEAR, NEAREST) and size[0] * prod(size[2:]) <= MOST_ROWS


def warped(
    values: torch.Tensor, grid: torch.Tensor, interpolation: int, padding: int, align_corners: bool
) -> torch.Tensor:
    """(N, C, *sizes) and places (N, *others, axes) of -1 to 1, the last axis first -> (N, C, *others), where
    ``has_rows`` says so."""
    samples, channels, *sizes = values.shape
    axes = len(sizes)
    table = values.movedim(1, -1).reshape(-1, channels)
    places = [_placed(grid[..., axes - 1 - axis], size, padding, align_corners) for axis, size in enumerate(sizes)]
    strides = [prod(sizes[axis + 1 :]) for axis in range(axes)]
    corners: list[tuple[int | None, ...]] = (
        list(itertools.product((0, 1), repeat=axes)) if interpolation == BILINEAR else [(None,) * axes]
    )
    total = None
    for corner in corners:
        row, weight = _first_rows(samples, prod(sizes), grid), None
        for place, size, step, stride in zip(places, sizes, corner, strides, strict=True):
            near = place.round() if step is None else place.floor() + step
            offset = near.clamp(0, size - 1) * stride
            row = offset if row is None else row + offset
            share = None if step is None else 1 - (place - near).abs()
            if padding == ZEROS:
                inside = ((near >= 0) & (near <= size - 1)).to(values.dtype)
                share = inside if share is None else share * inside
            if share is not None:
                weight = share if weight is None else weight * share
        assert row is not None
        value = table.index_select(0, row.to(torch.int32).reshape(-1)).reshape(*grid.shape[:-1], channels)
        value = value if weight is None else value * weight.unsqueeze(-1)
        total = value if total is None else total + value
    assert total is not None
    return total.movedim(-1, 1).contiguous()


def _first_rows(samples: int, rows: int, grid: torch.Tensor) -> torch.Tensor | None:
    """Of each sample's part of the table."""
    if samples == 1:
        return None
    first = torch.arange(0, samples * rows, rows, dtype=grid.dtype, device=grid.device)
    return first.reshape(-1, *[1] * (grid.ndim - 2))


def _placed(place: torch.Tensor, size: int, padding: int, align_corners: bool) -> torch.Tensor:
    """-1 to 1 as the number of a value, within the values where ``padding`` says so."""
    place = (place + 1) / 2 * (size - 1) if align_corners else ((place + 1) * size - 1) / 2
    if padding == REFLECTION:
        low, span = (0.0, size - 1.0) if align_corners else (-0.5, float(size))
        place = low + span - (torch.remainder(place - low, 2 * span) - span).abs() if span else place * 0
    return place if padding == ZEROS else place.clamp(0, size - 1)


def _warped_volumes(
    volume: torch.Tensor, grid: torch.Tensor, interpolation: int, padding: int, align_corners: bool
) -> torch.Tensor:
    if volume.ndim != 5 or not has_rows(volume.shape, interpolation):
        return NotImplemented
    return warped(volume, grid, interpolation, padding, align_corners)


DECOMPOSITIONS: dict[Any, Callable[..., torch.Tensor]] = {aten.grid_sampler.default: _warped_volumes}
