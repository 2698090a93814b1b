"""Every s-th row of a convolution, from the first, is that convolution with a stride of s: public code filters a map
whole and then throws pixels away (upfirdn2d). Along an axis of one tap they are thrown away before it."""

from __future__ import annotations

from torch import fx

from edgegan.graph.editing import argument, arguments, input_of, is_call, pair, replace, shape, sized, sole_user
from edgegan.graph.operators import aten


def strided_slices(module: fx.GraphModule) -> int:
    return sum(_rewrite(node) for node in list(module.graph.nodes) if is_call(node, aten.slice.Tensor))


def _rewrite(node: fx.Node) -> bool:
    taken, layer = arguments(node), input_of(node)
    axis, step = taken["dim"] - 2, taken["step"]
    if not is_call(layer, aten.conv2d.default) or sole_user(layer) is not node or axis not in (0, 1) or step == 1:
        return False
    call, length = arguments(layer), shape(layer)[2 + axis]
    if taken["start"] or (taken["end"] is not None and taken["end"] < length) or isinstance(call["padding"], str):
        return False
    source, kernel = input_of(layer), argument(layer, 1)
    stride, padding, dilation = (list(pair(call[name])) for name in ("stride", "padding", "dilation"))
    if stride[axis] != 1:
        return False
    thrown = shape(kernel)[2 + axis] == 1 and padding[axis] == 0
    stride[axis] = 1 if thrown else step

    def build(graph: fx.Graph) -> fx.Node:
        read = source
        if thrown:
            few = list(shape(source))
            few[2 + axis] = shape(node)[2 + axis]
            read = sized(graph.call_function(aten.slice.Tensor, (source, 2 + axis, 0, length, step)), few)
        settings = (kernel, call["bias"], stride, padding, dilation, call["groups"])
        return graph.call_function(aten.conv2d.default, (read, *settings))

    made = replace(node, build)
    made.graph.erase_node(layer)
    if thrown:
        _rewrite(input_of(made))
    return True
