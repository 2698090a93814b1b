"""What each layer costs the picture when it alone is in int8, simulated on the float graph with the ranges of
calibration."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from torch import fx

from edgegan.graph.editing import input_of, is_call, operator, sole_user
from edgegan.graph.graph import Graph, first_output
from edgegan.quantize.calibration import Batches, Ranges
from edgegan.quantize.layers import Layer, layers
from edgegan.quantize.local import activation_steps, round_weight, weight_axis
from edgegan.quantize.scheme import FUSED, SATURATING, Scheme


class Simulation:
    """A float graph that can be run with any of its layers rounded to int8: input, weights and output of each."""

    def __init__(self, graph: Graph, scheme: Scheme, batches: Batches) -> None:
        self.graph, self.scheme, self.layers = graph, scheme, layers(graph)
        nodes = {n.name: n for n in graph.module.graph.nodes}
        self.chosen = [nodes[layer.node] for layer in self.layers]
        self.ends = [_end(node) for node in self.chosen]
        watched = {input_of(node) for node in self.chosen} | set(self.ends)
        self.bits = {node: scheme.bits(place, len(self.chosen)) for place, node in enumerate(self.chosen)}
        ranges = Ranges(scheme.observer)
        ranges.learn(graph.module, [node.name for node in watched], batches)
        self.steps = {
            node: activation_steps(*ranges.by_node[node.name].range(_saturation(node)), scheme) for node in watched
        }

    @torch.no_grad()
    def run(self, inputs: Mapping[str, np.ndarray], rounded: Collection[Layer]) -> np.ndarray:
        """The pictures for named inputs with the layers ``rounded`` in int8; float32 (N, ...)."""
        chosen = {self.chosen[layer.index]: self.ends[layer.index] for layer in rounded}
        runner = _Rounder(self.graph.module, chosen, self.steps, self.bits)
        count, batch = len(next(iter(inputs.values()))), self.graph.batch
        parts = [
            first_output(runner.run(*(torch.from_numpy(inputs[s.name][i : i + batch]) for s in self.graph.spec.inputs)))
            for i in range(0, count - batch + 1, batch)
        ]
        return torch.cat(parts).float().numpy()


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
                rounded(args[0], *self.steps[input_of(node)]),
                round_weight(args[1], weight_axis(node), self.bits[node]),
                *args[2:],
            )
        value = super().call_function(target, args, kwargs)
        return rounded(value, *self.steps[node]) if node in self.ends else value

    def run_node(self, n: fx.Node) -> Any:
        self.current = n
        return super().run_node(n)


def rounded(value: torch.Tensor, scale: float, lowest: int, highest: int) -> torch.Tensor:
    """``value`` on a grid of steps ``scale`` wide, the ``lowest`` and the ``highest`` its ends."""
    return torch.round(value / scale).clamp(lowest, highest) * scale


def _end(node: fx.Node) -> fx.Node:
    """The layer itself, or the activation that fuses into it."""
    user = sole_user(node)
    return user if user is not None and is_call(user, *FUSED) else node


def _saturation(node: fx.Node) -> float | None:
    user = sole_user(node)
    return SATURATING.get(operator(user)) if user is not None and user.op == "call_function" else None
