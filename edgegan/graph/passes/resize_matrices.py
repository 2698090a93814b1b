"""Resizing that LiteRT has no operator for, as linear layers over columns and rows: y = R x C^T, for every channel
alike.

That is bicubic resizing (which its converter takes apart into gathers, 4 times as slow for 32 to 96 pixels), resizing
that smooths first (``antialias``), and bilinear by a factor that the sizes do not tell (7 rows by 1.5 are 10, which is
not 1.5 times 7): LiteRT knows sizes alone. The operator itself, on unit rows, gives R and C.
"""

from __future__ import annotations

import torch
from torch import fx

from edgegan.graph.editing import add_weight, arguments, input_of, is_call, replace, shape
from edgegan.graph.operators import aten

WITHOUT_OPERATOR = (
    aten.upsample_bicubic2d.vec, aten.upsample_bicubic2d.default, aten._upsample_bilinear2d_aa.vec,
    aten._upsample_bilinear2d_aa.default,
    aten._upsample_bicubic2d_aa.vec, aten._upsample_bicubic2d_aa.default,
)  # fmt: skip


def resize_matrices(module: fx.GraphModule) -> int:
    resizes = [node for node in module.graph.nodes if is_call(node, *WITHOUT_OPERATOR) or _by_untold_factor(node)]
    for node in resizes:
        rows, columns = (_matrix(node, axis) for axis in (0, 1))
        replace(node, lambda graph, node=node, rows=rows, columns=columns: _product(module, graph, node, rows, columns))
    return len(resizes)


def _by_untold_factor(node: fx.Node) -> bool:
    if not is_call(node, aten.upsample_bilinear2d.vec):
        return False
    call = arguments(node)
    if call["align_corners"] or call["scale_factors"] is None:
        return False
    return any(
        before * factor != after
        for before, factor, after in zip(shape(input_of(node))[2:], call["scale_factors"], shape(node)[2:], strict=True)
    )


def _matrix(node: fx.Node, axis: int) -> torch.Tensor:
    """(after, before) of one axis: weights sum to one, so a map that is constant along the other axis shows it
    alone."""
    sizes = shape(input_of(node))[2:]
    unit = (
        torch.eye(sizes[axis], dtype=torch.float64)[:, None, :, None]
        if axis == 0
        else torch.eye(sizes[axis], dtype=torch.float64)[:, None, None, :]
    )
    resized = node.target(unit.expand(-1, 1, *sizes).contiguous(), *node.args[1:])  # type: ignore[operator]
    return (resized[:, 0, :, 0] if axis == 0 else resized[:, 0, 0, :]).T.float()


def _product(
    module: fx.GraphModule, graph: fx.Graph, node: fx.Node, rows: torch.Tensor, columns: torch.Tensor
) -> fx.Node:
    """As linear layers over the last axis, which quantize like any other; the rows take their turn there."""
    value = graph.call_function(
        aten.linear.default, (input_of(node), add_weight(module, f"{node.name}_columns", columns))
    )
    value = graph.call_function(aten.transpose.int, (value, 2, 3))
    value = graph.call_function(aten.linear.default, (value, add_weight(module, f"{node.name}_rows", rows)))
    return graph.call_function(aten.transpose.int, (value, 2, 3))
