"""Patches taken out of pictures, and laid over each other, and windows of signals: ``unfold`` and ``fold`` as slices,
moves and sums, which every backend has.

A kernel of k taps with stride s is ceil(k / s) blocks of s taps, the last filled up with zeros: the places of one block
lie beside each other, so that a block of all patches is one slice of the picture in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import pad

from edgegan.graph.operators import aten

MOST_SLICES = 64
"""Of which windows are put together."""


@dataclass(frozen=True)
class _Axis:
    """One axis of the patches: ``count`` of them, of ``kernel`` taps, ``stride`` apart, over ``size`` places with
    ``padding`` on both sides."""

    size: int
    kernel: int
    stride: int
    padding: int

    @property
    def count(self) -> int:
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def blocks(self) -> int:
        return -(-self.kernel // self.stride)

    @property
    def reach(self) -> int:
        """Places of all blocks of all patches."""
        return (self.count - 1 + self.blocks) * self.stride

    @property
    def borders(self) -> list[int]:
        """What is added to ``size`` at both ends to make ``reach``; less than nothing is cut off."""
        return [self.padding, self.reach - self.size - self.padding]


def _axes(size: Sequence[int], kernel: Sequence[int], padding: Sequence[int], stride: Sequence[int]) -> list[_Axis]:
    return [_Axis(*each) for each in zip(size, kernel, stride, padding, strict=True)]


def patches_of(
    picture: torch.Tensor,
    kernel: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    stride: Sequence[int],
) -> torch.Tensor:
    """(N, C, H, W) -> (N, C * taps, patches), as ``torch.nn.functional.unfold``; not for taps that lie apart, nor for
    one picture without a batch, which stay what they are."""
    if any(each != 1 for each in dilation) or picture.ndim != 4:
        return NotImplemented
    down, across = _axes(picture.shape[2:], kernel, padding, stride)
    samples, channels = picture.shape[:2]
    picture = _bordered(picture, (-2, -1), (down.borders, across.borders))
    rows = []
    for row in range(down.blocks):
        columns = []
        for column in range(across.blocks):
            part = picture[:, :, row * down.stride :, column * across.stride :]
            part = part[:, :, : down.count * down.stride, : across.count * across.stride]
            part = part.reshape(samples, channels, down.count, down.stride, across.count, across.stride)
            columns.append(part.permute(0, 1, 3, 5, 2, 4))
        rows.append(torch.cat(columns, 3)[:, :, :, : across.kernel])
    taps = torch.cat(rows, 2)[:, :, : down.kernel]
    return taps.reshape(samples, channels * down.kernel * across.kernel, down.count * across.count)


def laid_over(
    patches: torch.Tensor,
    size: Sequence[int],
    kernel: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    stride: Sequence[int],
) -> torch.Tensor:
    """(N, C * taps, patches) -> (N, C, H, W) of ``size``, the sum of what lies over each place, as
    ``torch.nn.functional.fold``; not for taps that lie apart either."""
    if any(each != 1 for each in dilation) or patches.ndim != 3:
        return NotImplemented
    down, across = _axes(size, kernel, padding, stride)
    samples, channels = len(patches), patches.shape[1] // (down.kernel * across.kernel)
    taps = patches.reshape(samples, channels, down.kernel, across.kernel, down.count, across.count)
    taps = _bordered(taps, (2, 3), [(0, axis.blocks * axis.stride - axis.kernel) for axis in (down, across)])
    total = None
    for row in range(down.blocks):
        for column in range(across.blocks):
            part = taps[:, :, row * down.stride : (row + 1) * down.stride]
            part = part[:, :, :, column * across.stride : (column + 1) * across.stride].permute(0, 1, 4, 2, 5, 3)
            part = part.reshape(samples, channels, down.count * down.stride, across.count * across.stride)
            part = _bordered(part, (-2, -1), (_around(down, row), _around(across, column)))
            total = part if total is None else total + part
    assert total is not None
    return _bordered(total, (-2, -1), [[-border for border in axis.borders] for axis in (down, across)])


def windows_of(values: torch.Tensor, axis: int, size: int, step: int) -> torch.Tensor:
    """(..., L, ...) -> (..., windows, ..., size), as ``Tensor.unfold``; not for many large windows, which stay what
    they are."""
    axis %= max(1, values.ndim)
    count = (values.shape[axis] - size) // step + 1 if values.ndim else 0
    if not 0 < min(size, count) <= MOST_SLICES:
        return NotImplemented
    if size <= count:
        ends = (count - 1) * step + 1
        places = [aten.slice.Tensor(values, axis, tap, tap + ends, step) for tap in range(size)]
        return torch.stack(places, -1)
    windows = [values.narrow(axis, number * step, size).movedim(axis, -1) for number in range(count)]
    return torch.stack(windows, axis)


def _bordered(values: torch.Tensor, axes: Sequence[int], borders: Sequence[Sequence[int]]) -> torch.Tensor:
    """With so many zeros more at both ends of the axes, or so many values fewer."""
    for axis, (before, behind) in zip(axes, borders, strict=True):
        axis %= values.ndim
        first, size = max(0, -before), values.shape[axis] + min(0, before) + min(0, behind)
        if size != values.shape[axis]:
            values = values.narrow(axis, first, size)
        if before > 0 or behind > 0:
            values = pad(values, [0, 0] * (values.ndim - 1 - axis) + [max(0, before), max(0, behind)])
    return values


def _around(axis: _Axis, block: int) -> tuple[int, int]:
    """Places before and behind a block."""
    return block * axis.stride, (axis.blocks - 1 - block) * axis.stride


DECOMPOSITIONS: dict[Any, Callable[..., torch.Tensor]] = {
    aten.im2col.default: patches_of,
    aten.col2im.default: laid_over,
    aten.unfold.default: windows_of,
}
