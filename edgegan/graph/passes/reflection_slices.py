"""Reflection and replication padding as slices and concatenations: XNNPACK runs those and not MIRROR_PAD.

Along an axis, reflect pads x[p], ..., x[1] before and x[n-2], ..., x[n-1-q] after; replicate repeats the edge.
"""

from __future__ import annotations

from torch import fx

from edgegan.graph.editing import arguments, aten, is_call, replace, shape

NAMED = {aten.reflection_pad2d.default: "reflect", aten.replication_pad2d.default: "replicate", aten.reflection_pad1d.default: "reflect", aten.replication_pad1d.default: "replicate"}


def reflection_slices(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        mode = NAMED.get(node.target) if node.op == "call_function" else None
        if is_call(node, aten.pad.default):
            mode = arguments(node)["mode"]
        if mode not in ("reflect", "replicate"):
            continue
        margins = list(node.args[1])
        if min(margins) < 0:
            continue
        replace(node, lambda graph, node=node, margins=margins, mode=mode: _pad(graph, node.args[0], margins, mode))
        count += 1
    return count


def _pad(graph: fx.Graph, value: fx.Node, margins: list[int], mode: str) -> fx.Node:
    sizes = shape(value)
    for offset, (before, after) in enumerate(zip(margins[::2], margins[1::2], strict=True)):
        dim = len(sizes) - 1 - offset
        last = sizes[dim] - 1
        if mode == "reflect":
            rows = (list(range(before, 0, -1)), [last - i for i in range(1, after + 1)])
        else:
            rows = ([0] * before, [last] * after)
        lead, tail = ([graph.call_function(aten.slice.Tensor, (value, dim, i, i + 1)) for i in part] for part in rows)
        if lead or tail:
            value = graph.call_function(aten.cat.default, ([*lead, value, *tail], dim))
    return value
