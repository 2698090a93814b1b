"""f(move(x)) = move(f(x)) for pointwise f and any shuffle, crop, permutation or reshape: the activation moves next to
the convolution, into which backends fuse it."""

from __future__ import annotations

from torch import fx

from edgegan.graph.editing import POINTWISE, aten, is_call, sole_user

MOVES = (aten.pixel_shuffle.default, aten.slice.Tensor, aten.permute.default, aten.reshape.default, aten.view.default)


def activation_first(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        if not is_call(node, *POINTWISE) or not is_call(node.args[0], *MOVES) or sole_user(node.args[0]) is not node:
            continue
        top = node.args[0]
        while is_call(top.args[0], *MOVES) and sole_user(top.args[0]) is top:
            top = top.args[0]
        source, last = top.args[0], node.args[0]
        node.replace_all_uses_with(last)
        with module.graph.inserting_before(top):
            moved = module.graph.call_function(node.target, (source, *node.args[1:]), node.kwargs)
        top.replace_input_with(source, moved)
        module.graph.erase_node(node)
        count += 1
    return count
