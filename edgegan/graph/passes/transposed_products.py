"""A' B with A' as a picture's transposition: litert-torch takes a transposition before a product into the product, and
where both sides have one it makes a fully connected layer of them that forgets the left one, which LiteRT refuses."""

from __future__ import annotations

from torch import fx

from edgegan.graph.editing import argument, input_of, is_call, operator, replace, shape
from edgegan.graph.operators import PRODUCTS, aten


def transposed_products(module: fx.GraphModule) -> int:
    count = 0
    for product in [n for n in module.graph.nodes if is_call(n, *PRODUCTS)]:
        left = input_of(product)
        if _swaps_the_matrix(left):
            with module.graph.inserting_before(product):
                own = module.graph.call_function(operator(left), left.args, left.kwargs)
            own.meta["val"] = left.meta["val"]
            product.replace_input_with(left, own)
            replace(own, lambda graph, own=own: _as_picture(graph, own))
            count += 1
    module.graph.eliminate_dead_code()
    return count


def _swaps_the_matrix(node: fx.Node) -> bool:
    """Whether it swaps the two axes of one matrix, a batch of one."""
    if not is_call(node, aten.transpose.int, aten.permute.default) or len(shape(node)) != 3 or shape(node)[0] != 1:
        return False
    if is_call(node, aten.permute.default):
        return [axis % 3 for axis in argument(node, 1)] == [0, 2, 1]
    return {argument(node, 1) % 3, argument(node, 2) % 3} == {1, 2}


def _as_picture(graph: fx.Graph, node: fx.Node) -> fx.Node:
    _, rows, columns = shape(input_of(node))
    picture = graph.call_function(aten.reshape.default, (input_of(node), [1, 1, rows, columns]))
    turned = graph.call_function(aten.permute.default, (picture, [0, 1, 3, 2]))
    return graph.call_function(aten.reshape.default, (turned, [1, columns, rows]))
