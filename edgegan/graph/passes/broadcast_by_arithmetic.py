"""What arithmetic spreads over the axes of its other operand need not be spread before it: a mask of one channel times
a picture of three. A map of which a layer reads a few copies as channels is joined with itself. litert-torch, which
lays maps out anew, forgets to do so with the shapes that others are spread to."""

from __future__ import annotations

from functools import partial

from torch import broadcast_shapes, fx

from edgegan.graph.editing import input_of, is_call, replace, shape
from edgegan.graph.operators import SCALINGS, SUMS, aten

FEW = 16
"""Channels that a mask, or a grey picture, is spread over: as many copies are joined."""


def broadcast_by_arithmetic(module: fx.GraphModule) -> int:
    count = 0
    for spread in [node for node in module.graph.nodes if is_call(node, aten.expand.default)]:
        narrow = input_of(spread)
        for user in list(spread.users):
            if is_call(user, *SUMS, *SCALINGS) and _spreads(user, spread, narrow):
                user.replace_input_with(spread, narrow)
                count += 1
        if spread.users and _adds_channels(spread):
            replace(spread, partial(_joined, spread))
            count += 1
    module.graph.eliminate_dead_code()
    return count


def _spreads(arithmetic: fx.Node, spread: fx.Node, narrow: fx.Node) -> bool:
    """Whether the operator gives the same shape from ``narrow`` in the place of ``spread``."""
    if len(shape(narrow)) != len(shape(spread)):
        return False
    shapes = [shape(narrow if operand is spread else operand) for operand in arithmetic.all_input_nodes]
    return broadcast_shapes(*shapes) == shape(arithmetic)


def _adds_channels(spread: fx.Node) -> bool:
    here, there = shape(input_of(spread)), shape(spread)
    return len(here) == 4 and here == (there[0], 1, *there[2:]) and there[1] <= FEW


def _joined(spread: fx.Node, graph: fx.Graph) -> fx.Node:
    return graph.call_function(aten.cat.default, ([input_of(spread)] * shape(spread)[1], 1))
