"""What arithmetic spreads over the axes of its other operand need not be spread before it: a mask of one channel times
a picture of three. A map of which others read a few copies along one axis is joined with itself. litert-torch, which
lays maps out anew, forgets to do so with the shapes that others are spread to."""

from __future__ import annotations

from functools import partial

from torch import broadcast_shapes, fx

from edgegan.graph.editing import input_of, is_call, replace, shape
from edgegan.graph.operators import SCALINGS, SUMS, aten

FEW = 16
"""Channels that a mask, or a grey picture, is spread over, or key points that each move a picture of their own: as many
copies are joined."""


def broadcast_by_arithmetic(module: fx.GraphModule) -> int:
    count = 0
    for spread in [node for node in module.graph.nodes if _spreads_ones(node)]:
        narrow = input_of(spread)
        for user in list(spread.users):
            if is_call(user, *SUMS, *SCALINGS) and _spreads(user, spread, narrow):
                user.replace_input_with(spread, narrow)
                count += 1
        axis = _axis_of_copies(spread) if spread.users and narrow.op != "get_attr" else None
        if axis is not None:
            replace(spread, partial(_joined, spread, axis))
            count += 1
    module.graph.eliminate_dead_code()
    return count


def _spreads_ones(node: fx.Node) -> bool:
    """Whether the node lays copies along axes of one place, of as many axes as there were."""
    if not is_call(node, aten.expand.default, aten.repeat.default):
        return False
    here, there = shape(input_of(node)), shape(node)
    return len(here) == len(there) and all(before in (1, after) for before, after in zip(here, there, strict=True))


def _spreads(arithmetic: fx.Node, spread: fx.Node, narrow: fx.Node) -> bool:
    """Whether the operator gives the same shape from ``narrow`` in the place of ``spread``."""
    shapes = [shape(narrow if operand is spread else operand) for operand in arithmetic.all_input_nodes]
    return broadcast_shapes(*shapes) == shape(arithmetic)


def _axis_of_copies(spread: fx.Node) -> int | None:
    """Along which a few copies of one place are laid; None where they lie along several, or are many."""
    here, there = shape(input_of(spread)), shape(spread)
    changed = [axis for axis, (before, after) in enumerate(zip(here, there, strict=True)) if before != after]
    return changed[0] if len(changed) == 1 and there[changed[0]] <= FEW else None


def _joined(spread: fx.Node, axis: int, graph: fx.Graph) -> fx.Node:
    return graph.call_function(aten.cat.default, ([input_of(spread)] * shape(spread)[axis], axis))
