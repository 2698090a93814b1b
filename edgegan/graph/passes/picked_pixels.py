"""Nearest resizing to fewer pixels, or by no whole number, as the rows and columns that it picks: LiteRT's converter
picks others, and by no whole number ONNX Runtime and OpenVINO do too.

Every s-th row of n = s m is row 0 of each of m groups, which reshaping and slicing give in NHWC; others are gathered.
"""

from __future__ import annotations

import torch
from torch import fx

from edgegan.graph import interleaving
from edgegan.graph.editing import add_weight, factors, input_of, is_call, replace, shape
from edgegan.graph.operators import UPSAMPLES, aten


def gathered_pixels(module: fx.GraphModule) -> int:
    """Those by no whole number, for every backend."""
    count = 0
    for node in [n for n in module.graph.nodes if is_call(n, *UPSAMPLES) and factors(n) is None]:
        picked = _picked(node)
        if None in _steps(node, picked):
            replace(node, lambda graph, node=node, picked=picked: _gathered(module, graph, node, picked))
            count += 1
    return count


def picked_pixels(module: fx.GraphModule) -> int:
    """Those to fewer pixels besides."""
    count = gathered_pixels(module)
    for node in [n for n in module.graph.nodes if is_call(n, *UPSAMPLES) and factors(n) is None]:
        steps = _steps(node, _picked(node))
        replace(node, lambda graph, node=node, steps=steps: _first_of_each(graph, input_of(node), shape(node), steps))
        count += 1
    return count


def _picked(node: fx.Node) -> list[torch.Tensor]:
    """The rows and the columns that the operator itself takes from a map of their numbers."""
    height, width = shape(input_of(node))[2:]
    numbers = torch.stack(
        torch.meshgrid(
            torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing="ij"
        )
    )
    rows, columns = node.target(numbers[None], *node.args[1:])[0].long()  # type: ignore[operator]
    return [rows[:, 0], columns[0]]


def _steps(node: fx.Node, picked: list[torch.Tensor]) -> list[int | None]:
    return [_step(chosen, size) for chosen, size in zip(picked, shape(input_of(node))[2:], strict=True)]


def _step(picked: torch.Tensor, size: int) -> int | None:
    """s, if the picked are the first of every s."""
    step = size // len(picked)
    return step if step * len(picked) == size and torch.equal(picked, torch.arange(0, size, step)) else None


def _first_of_each(graph: fx.Graph, source: fx.Node, after: tuple[int, ...], steps: list[int]) -> fx.Node:
    batch, channels, rows, columns = after
    down, across = steps
    value = graph.call_function(aten.permute.default, (source, [0, 2, 3, 1]))
    value = graph.call_function(aten.reshape.default, (value, [batch * rows, down, columns, across * channels]))
    value = graph.call_function(aten.slice.Tensor, (value, 1, 0, 1))
    value = graph.call_function(aten.slice.Tensor, (value, 3, 0, channels))
    value = graph.call_function(aten.reshape.default, (value, [batch, rows, columns, channels]))
    return interleaving.to_channels_first(graph, value, 2)


def _gathered(module: fx.GraphModule, graph: fx.Graph, node: fx.Node, picked: list[torch.Tensor]) -> fx.Node:
    value = input_of(node)
    for dim, chosen in enumerate(picked, start=2):
        value = graph.call_function(
            aten.index_select.default, (value, dim, add_weight(module, f"{node.name}_picked", chosen))
        )
    return value
