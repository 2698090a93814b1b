"""y = x: clones, detaches, casts to the same type, reshapes and resizing to the same shape, and dropout in evaluation
go."""

from __future__ import annotations

from torch import fx

from edgegan.graph.editing import arguments, aten, factors, is_call, shape

ALWAYS = (aten.clone.default, aten.detach.default, aten.alias.default, aten.lift_fresh_copy.default, aten.contiguous.default)
CASTS = (aten.to.dtype, aten._to_copy.default, aten.to.dtype_layout)
RESHAPES = (aten.view.default, aten.reshape.default, aten.expand.default)
DROPOUTS = (aten.dropout.default, aten.feature_dropout.default, aten.alpha_dropout.default)


def drop_identities(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        source = node.args[0] if node.args else None
        if not isinstance(source, fx.Node):
            continue
        same_type = is_call(node, *CASTS) and node.meta["val"].dtype == source.meta["val"].dtype
        same_shape = is_call(node, *RESHAPES) and shape(node) == shape(source)
        if is_call(node, *ALWAYS) or same_type or same_shape or factors(node) == (1, 1) or (is_call(node, *DROPOUTS) and not arguments(node)["train"]):
            node.replace_all_uses_with(source)
            module.graph.erase_node(node)
            count += 1
    return count
