"""Removing residual blocks: y = x + f(x) becomes x where the picture changes least (after Veit et al. 2016,
arXiv:1605.06431, who found that residual networks bear it; dense blocks with a shortcut are such blocks too)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import fx

from edgegan.core.errors import UsageError
from edgegan.core.sampling import sample_inputs
from edgegan.graph.cost import node_macs
from edgegan.graph.editing import is_call, shape
from edgegan.graph.graph import Graph, first_output, refresh
from edgegan.graph.operators import aten

PICTURES, SEED = 4, 5_000_011


@dataclass(frozen=True)
class Dropped:
    """A block that went, by the name of its sum: the mean squared change of the picture, as a share of its variance."""

    name: str
    change: float


def blocks(module: fx.GraphModule) -> dict[str, str]:
    """Sums of a value with something that a layer makes of it, and that value, by name, in the order of the graph."""
    found = {}
    for node in module.graph.nodes:
        if not is_call(node, aten.add.Tensor) or node.kwargs.get("alpha", 1) != 1:
            continue
        operands = [each for each in node.args[:2] if isinstance(each, fx.Node)]
        for start, end in (operands, operands[::-1]) if len(operands) == 2 else ():
            if start.op != "get_attr" and shape(start) == shape(node) and _works_between(start, end):
                found[node.name] = start.name
                break
    return found


def _works_between(start: fx.Node, end: fx.Node) -> bool:
    """Whether ``end`` is computed from ``start`` through a layer."""
    between: set[fx.Node] = set()
    pending = [end]
    while pending:
        node = pending.pop()
        if node is not start and node not in between:
            between.add(node)
            pending += node.all_input_nodes
    reached, works = {start}, False
    for node in start.graph.nodes:
        if node in between and any(source in reached for source in node.all_input_nodes):
            reached.add(node)
            works = works or node_macs(node) > 0
    return works and end in reached


def without_blocks(graph: Graph, count: int) -> tuple[Graph, tuple[Dropped, ...]]:
    """``graph`` without the ``count`` residual blocks that change its pictures least, one after the other, each chosen
    with the former ones gone. Raises UsageError where there are fewer."""
    if not count:
        return graph, ()
    dropped: list[Dropped] = []
    inputs = [
        tuple(torch.from_numpy(v) for v in sample_inputs(graph.spec.inputs, graph.batch, SEED + index).values())
        for index in range(PICTURES)
    ]
    wanted = _drawn(graph.module, inputs)
    for _ in range(count):
        trials = [(_change(trial, inputs, wanted), name, trial) for name, trial in _trials(graph)]
        if not trials:
            raise UsageError(
                f"--drop-blocks {count}: this generator has {len(dropped)} residual blocks that can go, where a sum "
                "hands on a whole value beside what layers make of it"
            )
        change, name, module = min(trials, key=lambda trial: trial[0])
        refresh(module, graph.example_inputs())
        graph = graph.with_module(module)
        dropped.append(Dropped(name, change))
    return graph, tuple(dropped)


def _trials(graph: Graph) -> list[tuple[str, fx.GraphModule]]:
    trials = []
    for name, shortcut in blocks(graph.module).items():
        module = graph.copy().module
        nodes = {node.name: node for node in module.graph.nodes}
        nodes[name].replace_all_uses_with(nodes[shortcut])
        module.graph.eliminate_dead_code()
        module.recompile()
        trials.append((name, module))
    return trials


@torch.no_grad()
def _drawn(module: fx.GraphModule, inputs: list[tuple[torch.Tensor, ...]]) -> list[torch.Tensor]:
    return [first_output(module(*each)) for each in inputs]


def _change(module: fx.GraphModule, inputs: list[tuple[torch.Tensor, ...]], wanted: list[torch.Tensor]) -> float:
    pairs = zip(_drawn(module, inputs), wanted, strict=True)
    error = torch.stack([(found - asked).square().mean() for found, asked in pairs]).mean()
    return float(error / torch.stack(wanted).var().clamp_min(1e-12))
