"""A part of a row, such as a latent's own for each layer, taken as from a picture of one pixel: LiteRT's GPU delegate
slices tensors of rank 3 or 4 alone."""

from __future__ import annotations

from operator import getitem

from torch import fx

from edgegan.graph.editing import argument, arguments, input_of, is_call, replace, shape
from edgegan.graph.operators import SPLITS, aten


def rows_as_pictures(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        taken = _taken(node)
        if taken is not None:
            row, part = taken
            replace(node, lambda graph, row=row, part=part, node=node: _from_picture(graph, row, part, shape(node)))
            count += 1
    module.graph.eliminate_dead_code()
    return count


def _taken(node: fx.Node) -> tuple[fx.Node, tuple[int, int, int]] | None:
    """The row of which ``node`` is a part, and from where to where, in which steps."""
    if is_call(node, aten.slice.Tensor) and len(shape(node)) == 2 and arguments(node)["dim"] in (1, -1):
        given = arguments(node)
        return input_of(node), (given["start"] or 0, given["end"], given["step"])
    if is_call(node, getitem) and is_call(split := input_of(node), *SPLITS) and len(shape(node)) == 2:
        if arguments(split)["dim"] not in (1, -1):
            return None
        start = sum(_widths(split)[: argument(node, 1)])
        return input_of(split), (start, start + shape(node)[1], 1)
    return None


def _widths(split: fx.Node) -> list[int]:
    """Of its parts, but for what is left for the last."""
    given = argument(split, 1)
    return list(given) if isinstance(given, list | tuple) else [given] * (shape(input_of(split))[1] // given)


def _from_picture(graph: fx.Graph, row: fx.Node, part: tuple[int, int, int], size: tuple[int, ...]) -> fx.Node:
    rows, width = shape(row)
    picture = graph.call_function(aten.reshape.default, (row, [rows, 1, 1, width]))
    taken = graph.call_function(aten.slice.Tensor, (picture, 3, *part))
    return graph.call_function(aten.reshape.default, (taken, list(size)))
