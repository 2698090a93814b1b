"""Removing channels: coupled ones together, scored by a criterion; wide groups give more than narrow ones."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from torch import fx

from edgegan.core.errors import ModelError, UsageError, nearest
from edgegan.core.stage import StageResult, stopwatch
from edgegan.graph.capture import plain_names
from edgegan.graph.cost import macs, node_macs
from edgegan.graph.graph import Graph, refresh
from edgegan.graph.passes import BEFORE_PRUNING
from edgegan.graph.rewrite import apply
from edgegan.graph.trace import functional
from edgegan.prune.allocation import kept_widths
from edgegan.prune.coupling.groups import Coupling
from edgegan.prune.coupling.own import own_vectors
from edgegan.prune.criteria import criterion
from edgegan.prune.depth import without_blocks
from edgegan.prune.how import PLAINLY, How
from edgegan.prune.layers import layered

MOST, CLOSE, HEAVIEST = 0.95, 5e-4, 3


@dataclass(frozen=True)
class Cut:
    """A graph without some of its channels: how many of how many are gone, in how many groups, and which outputs of
    which layers."""

    graph: Graph
    channels: int
    removed: int
    groups: int
    gone: dict[str, list[int]]


class Pruning:
    """The channels of ``graph`` and what they are worth, measured once; then cut as often as needed.

    ``dropped``: blocks that went before.
    """

    def __init__(self, graph: Graph, how: How = PLAINLY) -> None:
        self._how = how
        self.graph, self.dropped = without_blocks(own_vectors(prepared(graph)), how.drop_blocks)
        self._whole_macs = macs(graph)
        self._coupling = Coupling(self.graph.module)
        names = [layer.name for layer in self._coupling.layers]
        self._coupling.keep({name for pattern in how.keep for name in _matching(pattern, names)})
        worth = criterion(how.criterion, self._coupling, self.graph, how.seed)
        self._order = [torch.argsort(worth(group), stable=True).numpy() for group in self._coupling.groups]

    def cut(self, share: float) -> Cut:
        """Without ``share`` (0..0.95) of all channels that can go. Raises ModelError where none can."""
        groups = self._coupling.groups
        if not groups:
            raise ModelError(
                "no channels can be pruned in this generator: every layer's width is fixed by its output or its code; "
                "leave --prune out"
            )
        widths = kept_widths([len(group) for group in groups], share, self._how.redundancy)
        gone = [
            group.channels[order[: len(group) - width]]
            for group, order, width in zip(groups, self._order, widths, strict=True)
        ]
        every = np.concatenate([np.empty(0, np.int64), *gone])
        module = self._coupling.without(every)
        refresh(module, self.graph.example_inputs())
        layers = {layer.name: self._coupling.indices(layer, every) for layer in self._coupling.layers}
        return Cut(
            self.graph.with_module(module),
            sum(map(len, groups)),
            len(every),
            sum(bool(len(some)) for some in gone),
            {name: indices for name, indices in layers.items() if indices},
        )

    def pruned(self, share: float) -> StageResult[tuple[Graph, fx.GraphModule]]:
        """``cut``'s Graph, and its layered form, which ``distil`` trains."""
        with stopwatch() as seconds:
            cut = self.cut(share)
            blocks = [
                f"dropped the block that ends in {each.name}: the pictures change by {each.change:.2%} of their "
                "variance"
                for each in self.dropped
            ]
            note = (
                f"removed {cut.removed} of {cut.channels} channels in {cut.groups} groups: "
                f"{self._whole_macs / 1e6:.1f} M -> {macs(cut.graph) / 1e6:.1f} M MACs"
            )
            return StageResult((cut.graph, layered(cut.graph)), (*blocks, note), seconds())

    def share_for(self, ratio: float) -> float:
        """The least share whose pruned network has ``ratio`` times fewer multiply-accumulates, by bisection. Raises
        ModelError where even 95 % is not enough, with what is left."""
        whole, least = self._whole_macs, self.cut(MOST).graph
        if macs(least) * ratio > whole:
            raise ModelError(
                f"--macs-ratio {ratio:g} is out of reach: without {MOST:.0%} of the channels "
                f"{macs(least) / 1e6:.2f} M of {whole / 1e6:.2f} M MACs are left, {whole / macs(least):.1f} times "
                f"fewer; most of them in {', '.join(heaviest(least))}"
            )
        low, high = 0.0, MOST
        while high - low > CLOSE:
            middle = (low + high) / 2
            if macs(self.cut(middle).graph) * ratio > whole:
                low = middle
            else:
                high = middle
        return high


def prune(graph: Graph, share: float, how: How = PLAINLY) -> StageResult[tuple[Graph, fx.GraphModule]]:
    """Remove ``share`` (0..0.95) of all channels that can be pruned.

    Returns the pruned Graph and its layered form, which ``distil`` trains. Channels of the output, and those that an
    operator gives a place that is not followed, are kept. Raises ModelError when nothing can be pruned.
    """
    return Pruning(graph, how).pruned(share)


def removed_channels(graph: Graph, share: float, how: How = PLAINLY) -> dict[str, list[int]]:
    """Which output channels ``prune`` takes, by the name of their layer in the layered form of the graph."""
    return Pruning(graph, how).cut(share).gone


def prepared(graph: Graph) -> Graph:
    """``graph`` with its computed weights as constants: spectral norm, equalized rates and modulation then prune like
    plain layers."""
    return apply(graph, BEFORE_PRUNING).value


def share_for_macs_ratio(graph: Graph, ratio: float, how: How = PLAINLY) -> float:
    """``Pruning.share_for``, of ``graph``."""
    return Pruning(graph, how).share_for(ratio)


def heaviest(graph: Graph) -> list[str]:
    """The layers of most multiply-accumulates, in words."""
    nodes = sorted(graph.module.graph.nodes, key=node_macs, reverse=True)[:HEAVIEST]
    return [f"{node.name} ({node_macs(node) / 1e6:.2f} M multiply-accumulates)" for node in nodes]


def recapture(network: fx.GraphModule, like: Graph) -> Graph:
    """A layered network as a Graph again."""
    module = functional(network, like.example_inputs())
    plain_names(module, like.spec.inputs)
    graph = like.with_module(module)
    refresh(module, graph.example_inputs())
    return graph


def _matching(pattern: str, layers: Collection[str]) -> list[str]:
    found = fnmatch.filter(layers, pattern)
    if not found:
        raise UsageError(f"--keep-layer {pattern}: no layer has that name; {nearest(pattern, layers)}")
    return found
