"""f(move(x)) = move(f(x)) for pointwise f and any shuffle, crop, permutation or reshape; f(cat(a, b)) = cat(f(a),
f(b)).

The activation moves next to the convolution, into which backends fuse it.
"""

from __future__ import annotations

from torch import fx

from edgegan.graph.editing import is_call, sole_user
from edgegan.graph.operators import LAYERS, POINTWISE, SHUFFLES, TRANSPOSED, aten


def activation_first(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        if is_call(node, *POINTWISE) and is_call(node.args[0], aten.cat.default) and sole_user(node.args[0]) is node:
            count += _before_concatenation(module, node)
    for node in list(module.graph.nodes):
        if is_call(node, *POINTWISE) and is_call(node.args[0], *SHUFFLES) and sole_user(node.args[0]) is node:
            _before_moves(module, node)
            count += 1
    return count


def _before_concatenation(module: fx.GraphModule, node: fx.Node) -> int:
    """Worth it where the activation then fuses into at least one layer."""
    joined = node.args[0]
    parts = list(joined.args[0])
    if not any(_ends_a_layer(part) for part in parts):
        return 0
    with module.graph.inserting_before(joined):
        activated = []
        for part in parts:
            new = module.graph.call_function(node.target, (part, *node.args[1:]), node.kwargs)
            new.meta["val"] = part.meta["val"]
            activated.append(new)
    joined.update_arg(0, activated)
    node.replace_all_uses_with(joined)
    module.graph.erase_node(node)
    return 1


def _ends_a_layer(node: fx.Node) -> bool:
    while is_call(node, *SHUFFLES) and len(node.users) == 1:
        node = node.args[0]
    return is_call(node, *LAYERS, *TRANSPOSED) and len(node.users) == 1


def _before_moves(module: fx.GraphModule, node: fx.Node) -> None:
    top = node.args[0]
    while is_call(top.args[0], *SHUFFLES) and sole_user(top.args[0]) is top:
        top = top.args[0]
    source, last = top.args[0], node.args[0]
    node.replace_all_uses_with(last)
    with module.graph.inserting_before(top):
        moved = module.graph.call_function(node.target, (source, *node.args[1:]), node.kwargs)
    top.replace_input_with(source, moved)
    module.graph.erase_node(node)
