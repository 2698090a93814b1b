"""What each layer costs the picture when it alone is in int8, simulated on the float graph with the ranges of
calibration."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx

from edgegan.core.errors import ModelError
from edgegan.graph.cost import node_macs
from edgegan.graph.editing import is_call, shape, sole_user, weighted_layers
from edgegan.graph.graph import Graph, first_output
from edgegan.graph.operators import TRANSPOSED
from edgegan.quantize.local import activation_steps, round_weight, weight_axis
from edgegan.quantize.ranges import RangeObserver
from edgegan.quantize.scheme import FUSED, SATURATING, Scheme


@dataclass(frozen=True)
class Layer:
    """A convolution or linear layer of a graph: its place among them, its node, what it computes."""

    index: int
    node: str
    operator: str
    shape: tuple[int, ...]
    macs: int


def layers(graph: Graph, transposed: bool = True) -> list[Layer]:
    """The layers that hold constant weights, in the order in which they run; ``Layer.index`` is the place in this
    list."""
    nodes = [n for n in weighted_layers(graph.module) if transposed or not is_call(n, *TRANSPOSED)]
    return [
        Layer(i, n.name, str(n.target).split(".")[1], shape(n)[1:], node_macs(n) // graph.batch)
        for i, n in enumerate(nodes)
    ]


class Simulation:
    """A float graph that can be run with any of its layers rounded to int8: input, weights and output of each."""

    def __init__(self, graph: Graph, scheme: Scheme, batches: Iterable[tuple[torch.Tensor, ...]]) -> None:
        self.graph, self.scheme, self.layers = graph, scheme, layers(graph)
        nodes = {n.name: n for n in graph.module.graph.nodes}
        self.chosen = [nodes[layer.node] for layer in self.layers]
        self.ends = [_end(node) for node in self.chosen]
        watched = {node.args[0] for node in self.chosen} | set(self.ends)
        observers: dict[fx.Node, RangeObserver] = {node: RangeObserver(method=scheme.observer) for node in watched}
        watcher = _Watcher(graph.module, observers)
        with torch.no_grad():
            for batch in batches:
                watcher.run(*batch)
        self.steps = {
            node: activation_steps(*observer.range(_saturation(node)), scheme) for node, observer in observers.items()
        }

    @torch.no_grad()
    def run(self, inputs: Mapping[str, np.ndarray], rounded: Collection[int]) -> np.ndarray:
        """The pictures for named inputs with the layers of those indices in int8; float32 (N, ...)."""
        chosen = {self.chosen[i]: self.ends[i] for i in rounded}
        bits = {node: self.scheme.bits(place, len(self.chosen)) for place, node in enumerate(self.chosen)}
        runner = _Rounder(self.graph.module, chosen, self.steps, bits)
        count, batch = len(next(iter(inputs.values()))), self.graph.batch
        parts = [
            first_output(runner.run(*(torch.from_numpy(inputs[s.name][i : i + batch]) for s in self.graph.spec.inputs)))
            for i in range(0, count - batch + 1, batch)
        ]
        return torch.cat(parts).float().numpy()


class _Watcher(fx.Interpreter):
    """Shows observers the values of their nodes."""

    def __init__(self, module: fx.GraphModule, observers: dict[fx.Node, RangeObserver]) -> None:
        super().__init__(module)
        self.observers = observers

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n in self.observers:
            try:
                self.observers[n].observe(value.numpy())
            except ValueError as exc:
                raise ModelError(f"calibration met a {exc} in {n.name}; check the weights and the --data") from exc
        return value


class _Rounder(fx.Interpreter):
    """Rounds what goes into and out of chosen layers, and their weights."""

    def __init__(
        self,
        module: fx.GraphModule,
        chosen: dict[fx.Node, fx.Node],
        steps: dict[fx.Node, tuple[float, int, int]],
        bits: dict[fx.Node, int],
    ) -> None:
        super().__init__(module)
        self.chosen, self.ends, self.steps, self.bits = chosen, set(chosen.values()), steps, bits

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        node = self.current
        if node in self.chosen:
            args = (
                _rounded(args[0], *self.steps[node.args[0]]),
                round_weight(args[1], weight_axis(node), self.bits[node]),
                *args[2:],
            )
        value = super().call_function(target, args, kwargs)
        return _rounded(value, *self.steps[node]) if node in self.ends else value

    def run_node(self, n: fx.Node) -> Any:
        self.current = n
        return super().run_node(n)


def _rounded(value: torch.Tensor, scale: float, lowest: int, highest: int) -> torch.Tensor:
    return torch.round(value / scale).clamp(lowest, highest) * scale


def _end(node: fx.Node) -> fx.Node:
    """The layer itself, or the activation that fuses into it."""
    user = sole_user(node)
    return user if user is not None and is_call(user, *FUSED) else node


def _saturation(node: fx.Node) -> float | None:
    user = sole_user(node)
    return SATURATING.get(user.target) if user is not None and user.op == "call_function" else None
