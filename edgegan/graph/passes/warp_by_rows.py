"""Pictures moved by a flow (``grid_sample``) as rows of a table: LiteRT's converter gathers each value by four numbers,
4 to 50 times slower."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import torch
from torch import fx

from edgegan.graph.editing import arguments, input_of, is_call, replace, shape
from edgegan.graph.operators import aten
from edgegan.graph.trace import functional
from edgegan.graph.warping import has_rows, warped


class _Warp(torch.nn.Module):
    def __init__(self, how: tuple[Any, ...]) -> None:
        super().__init__()
        self.how = how

    def forward(self, values: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
        return warped(values, grid, *self.how)


def warp_by_rows(module: fx.GraphModule) -> int:
    count = 0
    for node in [n for n in module.graph.nodes if is_call(n, aten.grid_sampler.default)]:
        given = arguments(node)
        how = (given["interpolation_mode"], given["padding_mode"], given["align_corners"])
        operands = (input_of(node), given["grid"])
        if has_rows(shape(operands[0]), how[0]):
            code = functional(_Warp(how), tuple(torch.zeros(shape(operand)) for operand in operands))
            replace(node, partial(_inlined, code, operands))
            count += 1
    return count


def _inlined(code: fx.GraphModule, operands: tuple[fx.Node, ...], graph: fx.Graph) -> fx.Node:
    places = [node for node in code.graph.nodes if node.op == "placeholder"]
    (result,) = cast("tuple[fx.Node]", graph.graph_copy(code.graph, dict(zip(places, operands, strict=True))))
    return result
