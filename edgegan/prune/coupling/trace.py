"""Walking a graph once, operator by operator, to see what each ties together."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import fx

from edgegan.graph.editing import weight
from edgegan.prune.coupling.atoms import Atoms, still

Axes = tuple[np.ndarray, ...]
"""The atoms of a tensor, one array for each of its axes."""
Rule = Callable[["Trace", fx.Node], "Axes | list[Axes]"]
"""What an operator gives, after tying what it has to; a list where it gives several tensors."""
MOST_TRIES = 24


@dataclass(frozen=True)
class Layer:
    """A constant kernel, and along which of its axes output and input channels lie."""

    name: str
    weight: str
    outputs: int
    inputs: int


@dataclass
class Trace:
    """What one walk has found so far. ``choices``: for a node that splits an axis, which part carries its channels."""

    module: fx.GraphModule
    choices: dict[str, int]
    atoms: Atoms = field(default_factory=Atoms)
    axes: dict[fx.Node, Axes | list[Axes]] = field(default_factory=dict)
    constants: dict[str, Axes] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    scales: list[str] = field(default_factory=list)
    undecided: dict[str, tuple[np.ndarray, int]] = field(default_factory=dict)

    def of(self, value: Any) -> Axes:
        """The axes of one tensor that a rule reads."""
        found = self.axes[value]
        assert isinstance(found, tuple)
        return found

    def tie(self, one: np.ndarray, other: np.ndarray) -> None:
        self.atoms.tie(one, other)

    def fix(self, *axes: np.ndarray) -> None:
        self.atoms.fix(*axes)

    def choose(self, node: fx.Node, candidates: int) -> int:
        """Which of so many parts of a split axis carries the channels, this time."""
        return self.choices.setdefault(node.name, 0) % candidates

    def layer(self, node: fx.Node, kernel: Any, outputs: int, inputs: int) -> None:
        """Remember a layer whose kernel is constant, by the name that it has when it is trained."""
        if weight(self.module, kernel) is not None:
            self.layers.append(Layer(f"layer_{node.name}", str(kernel.target), outputs, inputs))

    def scale(self, value: Any) -> None:
        """Remember the scale of a norm, a value for each channel."""
        if weight(self.module, value) is not None:
            self.scales.append(str(value.target))


def traced(module: fx.GraphModule, rules: dict[Any, Rule]) -> Trace:
    """A walk over ``module``, whose nodes carry ``meta["val"]``. Where an axis is split into several (heads and their
    features, channels and a map), the first part that leaves channels to cut is taken, the largest one first."""
    choices: dict[str, int] = {}
    for _ in range(MOST_TRIES):
        trace = _walked(module, rules, choices)
        stuck = next((name for name, (axis, _) in trace.undecided.items() if _is_stuck(trace, name, axis)), None)
        if stuck is None:
            return trace
        choices[stuck] += 1
    return _walked(module, rules, choices)


def _is_stuck(trace: Trace, name: str, axis: np.ndarray) -> bool:
    sets = np.unique(trace.atoms.sets(axis))
    return len(sets) <= 1 and trace.choices[name] + 1 < trace.undecided[name][1]


def _walked(module: fx.GraphModule, rules: dict[Any, Rule], choices: dict[str, int]) -> Trace:
    trace = Trace(module, choices)
    for node in module.graph.nodes:
        if node.op == "output":
            for source in node.all_input_nodes:
                trace.fix(*trace.of(source))
        elif node.op == "get_attr":
            trace.axes[node] = _constant(trace, node)
        elif node.op == "call_function" and node.target is operator.getitem:
            trace.axes[node] = trace.axes[node.args[0]][node.args[1]]
        elif node.op == "call_function":
            rule = rules.get(node.target)
            trace.axes[node] = _unknown(trace, node) if rule is None else rule(trace, node)
        else:
            trace.axes[node] = _still(node.meta.get("val"))
    return trace


def _constant(trace: Trace, node: fx.Node) -> Axes:
    name, held = str(node.target), weight(trace.module, node)
    if held is None or not held.is_floating_point():
        return _still(node.meta.get("val", held))
    if name not in trace.constants:
        trace.constants[name] = tuple(trace.atoms.fresh(size) for size in held.shape)
    return trace.constants[name]


def _unknown(trace: Trace, node: fx.Node) -> Axes | list[Axes]:
    """Nothing that an unknown operator reads may lose a channel."""
    for source in node.all_input_nodes:
        found = trace.axes[source]
        for axes in found if isinstance(found, list) else [found]:
            trace.fix(*axes)
    value = node.meta.get("val")
    return [_still(part) for part in value] if isinstance(value, list | tuple) else _still(value)


def _still(value: Any) -> Axes:
    sizes = value.shape if isinstance(value, torch.Tensor) else ()
    return tuple(map(still, sizes))
