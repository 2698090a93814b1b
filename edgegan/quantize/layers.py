"""Layers have identities: which convolution or linear layer of a graph is which of another form of it.

A graph that was traced again, and a file that a converter made of it, hold the same layers under other names. They are
matched here, once for all who ask, by their number, their sizes, what their weights hold and their order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isclose, prod
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import fx

from edgegan.core.errors import ModelError
from edgegan.graph.cost import node_macs
from edgegan.graph.editing import argument, shape, weight, weighted_layers
from edgegan.graph.graph import Graph

T = TypeVar("T")


@dataclass(frozen=True)
class Layer:
    """A convolution or linear layer of a graph: its place among them, its node, what it computes.

    ``shape``: of one sample's output. ``sizes``: how many values it gives for a batch, and how many weights it holds.
    ``energy``: the sum of the squares of its weights, whatever their layout.
    """

    index: int
    node: str
    operator: str
    shape: tuple[int, ...]
    macs: int
    sizes: tuple[int, int] = field(repr=False)
    energy: float = field(default=0.0, repr=False, compare=False)


class Counterpart(NamedTuple, Generic[T]):
    """A layer of another form, ``what`` it is called there; the rest as in ``Layer``."""

    what: T
    sizes: tuple[int, int]
    energy: float


SAME = 1e-4
"""By how much, relative, the energy of the same weights may differ: converters fold scales of about 1 into them."""


def layers(graph: Graph) -> list[Layer]:
    """The layers that hold constant weights, in the order in which they run; ``Layer.index`` is the place in this
    list."""
    return [
        Layer(
            i, n.name, str(n.target).split(".")[1], shape(n)[1:], node_macs(n) // graph.batch, sizes(n),
            energy(graph.module, n),
        )
        for i, n in enumerate(weighted_layers(graph.module))
    ]  # fmt: skip


def sizes(node: fx.Node) -> tuple[int, int]:
    """Values that a layer of a graph gives for a batch, and weights that it holds."""
    return prod(shape(node)), prod(shape(argument(node, 1)))


def energy(module: fx.GraphModule, node: fx.Node) -> float:
    """Sum of the squares of a layer's weights."""
    held = weight(module, node.args[1])
    assert held is not None
    return float(held.detach().square().sum(dtype=torch.float64))


def matched(wanted: Sequence[Layer], theirs: Sequence[Counterpart[T]], where: str) -> dict[Layer, T]:
    """For each layer its counterpart among ``theirs``, those of another form in the order in which they run there.

    Layers of equal sizes are told apart by their weights' energies, and by their order where those say nothing. Raises
    ModelError, naming ``where``, when numbers or sizes differ: nothing may then be told one layer by another.
    """
    if len(wanted) != len(theirs):
        raise ModelError(f"{where} has {len(theirs)} convolutions and linear layers, the graph {len(wanted)}")
    alike: dict[tuple[int, int], list[Counterpart[T]]] = defaultdict(list)
    for other in theirs:
        alike[other.sizes].append(other)
    found: dict[Layer, T] = {}
    for sized in dict.fromkeys(layer.sizes for layer in wanted):
        own = [layer for layer in wanted if layer.sizes == sized]
        others = alike[sized]
        if len(own) != len(others):
            raise ModelError(
                f"{where} has {len(others)} layers of {sized[0]} values and {sized[1]} weights where the graph has "
                f"{len(own)}, {own[0].node} the first"
            )
        if not _in_step(own, others):
            by_energy = sorted(own, key=_energy), sorted(others, key=_energy)
            own, others = by_energy if _in_step(*by_energy) else (own, others)
        found |= {layer: other.what for layer, other in zip(own, others, strict=True)}
    return {layer: found[layer] for layer in wanted}


def _energy(layer: Layer | Counterpart[T]) -> float:
    return layer.energy


def _in_step(own: Sequence[Layer], others: Sequence[Counterpart[T]]) -> bool:
    return all(isclose(a.energy, b.energy, rel_tol=SAME) for a, b in zip(own, others, strict=True))
