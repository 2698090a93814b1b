"""Reflection and replication padding as slices and concatenations: XNNPACK runs those and not MIRROR_PAD.

Along an axis, reflect pads x[p], ..., x[1] before and x[n-2], ..., x[n-1-q] after; replicate repeats the edge.
"""

from __future__ import annotations

from torch import fx

from edgegan.graph.editing import copied_padding, input_of, replace, shape
from edgegan.graph.operators import aten

WIDEST = 5
"""As many tensors as XNNPACK concatenates at once."""


def reflection_slices(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        padded = copied_padding(node)
        if padded is None or min(padded[1]) < 0:
            continue
        mode, margins = padded
        replace(node, lambda graph, node=node, margins=margins, mode=mode: _pad(graph, input_of(node), margins, mode))
        count += 1
    return count


def _pad(graph: fx.Graph, value: fx.Node, margins: list[int], mode: str) -> fx.Node:
    """Sides take turns between the axes: concatenations in a row along one axis would be joined again by the
    converter."""
    sizes = shape(value)
    sides = []
    for offset, (before, after) in enumerate(zip(margins[::2], margins[1::2], strict=True)):
        dim = len(sizes) - 1 - offset
        last = sizes[dim] - 1
        lead = list(range(1, before + 1)) if mode == "reflect" else [0] * before
        tail = [last - i for i in range(1, after + 1)] if mode == "reflect" else [last] * after
        sides += [(step, 0, dim, rows) for step, rows in _pieces(lead)] + [
            (step, 1, dim, rows) for step, rows in _pieces(tail)
        ]
    shifts = dict.fromkeys(range(len(sizes)), 0)
    for _, side, dim, rows in sorted(sides, key=lambda s: s[:2]):
        taken = [
            graph.call_function(aten.slice.Tensor, (value, dim, row + shifts[dim], row + shifts[dim] + 1))
            for row in rows
        ]
        value = graph.call_function(aten.cat.default, ([value, *taken] if side else [*reversed(taken), value], dim))
        shifts[dim] += 0 if side else len(rows)
    return value


def _pieces(rows: list[int]) -> list[tuple[int, list[int]]]:
    """Rows from the edge outwards, as many at a time as one concatenation takes beside the picture."""
    return [(step, rows[start : start + WIDEST - 1]) for step, start in enumerate(range(0, len(rows), WIDEST - 1))]
