"""y = x: clones, detaches, casts to the same type, reshapes and resizing to the same shape, data moved there and back,
padding by nothing, the one part of what is not split, and dropout in evaluation go."""

from __future__ import annotations

from operator import getitem

import torch
from torch import fx

from edgegan.graph.editing import arguments, factors, input_of, is_call, shape
from edgegan.graph.moves import returns_to
from edgegan.graph.operators import CASTS, DROPOUTS, IDENTITIES, RESHAPES, SPLITS, aten


def drop_identities(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        same = _same(node)
        if same is not None:
            node.replace_all_uses_with(same)
            module.graph.erase_node(node)
            count += 1
    return count


def _same(node: fx.Node) -> fx.Node | None:
    """What ``node`` only repeats."""
    source = input_of(node) if node.args else None
    if not isinstance(source, fx.Node):
        return None
    if is_call(node, getitem) and is_call(source, *SPLITS) and shape(node) == shape(input_of(source)):
        return input_of(source)
    if not isinstance(source.meta["val"], torch.Tensor):
        return None
    same_type = is_call(node, *CASTS) and node.meta["val"].dtype == source.meta["val"].dtype
    same_shape = is_call(node, *RESHAPES, aten.expand.default) and shape(node) == shape(source)
    if (
        is_call(node, *IDENTITIES)
        or same_type
        or same_shape
        or factors(node) == (1, 1)
        or (is_call(node, *DROPOUTS) and not arguments(node)["train"])
    ):
        return source
    return returns_to(node)
