"""Phases into pixels: the channels of a feature map spread over the places between its pixels."""

from __future__ import annotations

from collections.abc import Sequence

from torch import fx

from edgegan.graph.operators import aten


def channels_first(
    graph: fx.Graph, value: fx.Node, batch: int, channels: int, positions: Sequence[int], strides: Sequence[int]
) -> fx.Node:
    """(N, C * phases, *positions), phases innermost -> (N, C, *positions * strides)."""
    if all(s == 1 for s in strides):
        return value
    if len(strides) == 2 and strides[0] == strides[1]:
        return graph.call_function(aten.pixel_shuffle.default, (value, strides[0]))
    rank = len(strides)
    value = graph.call_function(aten.reshape.default, (value, [batch, channels, *strides, *positions]))
    order = [0, 1, *(d for i in range(rank) for d in (2 + rank + i, 2 + i))]
    value = graph.call_function(aten.permute.default, (value, order))
    return graph.call_function(
        aten.reshape.default, (value, [batch, channels, *(p * s for p, s in zip(positions, strides, strict=True))])
    )


def channels_last(
    graph: fx.Graph, value: fx.Node, batch: int, channels: int, positions: Sequence[int], strides: Sequence[int]
) -> fx.Node:
    """(N, phases * C, *positions), phases outermost -> (N, *positions * strides, C): whole channel vectors are
    moved."""
    value = graph.call_function(aten.permute.default, (value, [0, *range(2, 2 + len(positions)), 1]))
    if len(strides) == 1:
        return graph.call_function(aten.reshape.default, (value, [batch, positions[0] * strides[0], channels]))
    (rows, columns), (down, across) = positions, strides
    value = graph.call_function(aten.reshape.default, (value, [batch * rows, columns, down, across * channels]))
    value = graph.call_function(aten.permute.default, (value, [0, 2, 1, 3]))
    return graph.call_function(aten.reshape.default, (value, [batch, rows * down, columns * across, channels]))


def to_channels_first(graph: fx.Graph, value: fx.Node, rank: int) -> fx.Node:
    """(N, *positions, C) -> (N, C, *positions)."""
    return graph.call_function(aten.permute.default, (value, [0, 1 + rank, *range(1, 1 + rank)]))
