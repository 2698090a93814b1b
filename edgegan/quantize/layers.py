"""Layers have identities: which convolution or linear layer of a graph is which of another form of it.

A graph that was traced again, and a file that a converter made of it, hold the same layers under other names. They are
matched here, once for all who ask, by their order, their number and their sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TypeVar

from torch import fx

from edgegan.core.errors import ModelError
from edgegan.graph.cost import node_macs
from edgegan.graph.editing import argument, shape, weighted_layers
from edgegan.graph.graph import Graph

T = TypeVar("T")


@dataclass(frozen=True)
class Layer:
    """A convolution or linear layer of a graph: its place among them, its node, what it computes.

    ``shape``: of one sample's output. ``sizes``: how many values it gives for a batch, and how many weights it holds.
    """

    index: int
    node: str
    operator: str
    shape: tuple[int, ...]
    macs: int
    sizes: tuple[int, int] = field(repr=False)


def layers(graph: Graph) -> list[Layer]:
    """The layers that hold constant weights, in the order in which they run; ``Layer.index`` is the place in this
    list."""
    return [
        Layer(i, n.name, str(n.target).split(".")[1], shape(n)[1:], node_macs(n) // graph.batch, sizes(n))
        for i, n in enumerate(weighted_layers(graph.module))
    ]


def sizes(node: fx.Node) -> tuple[int, int]:
    """Values that a layer of a graph gives for a batch, and weights that it holds."""
    return prod(shape(node)), prod(shape(argument(node, 1)))


def matched(wanted: Sequence[Layer], theirs: Sequence[tuple[T, tuple[int, int]]], where: str) -> dict[Layer, T]:
    """For each layer its counterpart among ``found``, those of another form in the order in which they run there, each
    with its ``sizes``.

    Raises ModelError, naming ``where``, when numbers or sizes differ: nothing may then be told one layer by another.
    """
    if len(wanted) != len(theirs):
        raise ModelError(f"{where} has {len(theirs)} convolutions and linear layers, the graph {len(wanted)}")
    for layer, (other, their_sizes) in zip(wanted, theirs, strict=True):
        if layer.sizes != their_sizes:
            raise ModelError(
                f"{where} has {other} with {their_sizes[0]} values and {their_sizes[1]} weights where the graph has "
                f"{layer.node} with {layer.sizes[0]} and {layer.sizes[1]}"
            )
    return {layer: other for layer, (other, _) in zip(wanted, theirs, strict=True)}
