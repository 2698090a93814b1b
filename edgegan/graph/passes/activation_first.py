"""f(move(x)) = move(f(x)) for pointwise f and any shuffle, crop, permutation or reshape; f(cat(a, b)) = cat(f(a),
f(b)).

The activation moves next to the convolution, into which backends fuse it.
"""

from __future__ import annotations

from torch import fx

from edgegan.graph.editing import argument, input_of, is_call, operator, sole_user
from edgegan.graph.operators import LAYERS, POINTWISE, SHUFFLES, TRANSPOSED, aten


def activation_first(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        if (
            is_call(node, *POINTWISE)
            and is_call(input_of(node), aten.cat.default)
            and sole_user(input_of(node)) is node
        ):
            count += _before_concatenation(module, node)
    for node in list(module.graph.nodes):
        if is_call(node, *POINTWISE) and is_call(input_of(node), *SHUFFLES) and sole_user(input_of(node)) is node:
            _before_moves(module, node)
            count += 1
    return count


def _before_concatenation(module: fx.GraphModule, node: fx.Node) -> int:
    """Worth it where the activation then fuses into at least one layer."""
    joined = input_of(node)
    parts = list(argument(joined, 0))
    if not any(_ends_a_layer(part) for part in parts):
        return 0
    with module.graph.inserting_before(joined):
        activated = []
        for part in parts:
            new = module.graph.call_function(operator(node), (part, *node.args[1:]), node.kwargs)
            new.meta["val"] = part.meta["val"]
            activated.append(new)
    joined.update_arg(0, activated)
    node.replace_all_uses_with(joined)
    module.graph.erase_node(node)
    return 1


def _ends_a_layer(node: fx.Node) -> bool:
    while is_call(node, *SHUFFLES) and len(node.users) == 1:
        node = input_of(node)
    return is_call(node, *LAYERS, *TRANSPOSED) and len(node.users) == 1


def _before_moves(module: fx.GraphModule, node: fx.Node) -> None:
    top = input_of(node)
    while is_call(input_of(top), *SHUFFLES) and sole_user(input_of(top)) is top:
        top = input_of(top)
    source, last = input_of(top), input_of(node)
    node.replace_all_uses_with(last)
    with module.graph.inserting_before(top):
        moved = module.graph.call_function(operator(node), (source, *node.args[1:]), node.kwargs)
    top.replace_input_with(source, moved)
    module.graph.erase_node(node)
