"""Removing channels: coupled groups from Torch-Pruning, scored by a criterion; wide groups give more than narrow
ones."""

from __future__ import annotations

import copy
import fnmatch
import logging
from collections.abc import Collection
from dataclasses import dataclass, field

import torch
import torch_pruning as tp
from torch import fx, nn

from edgegan.core.errors import ModelError, UsageError, nearest
from edgegan.core.stage import StageResult, stopwatch
from edgegan.graph.capture import plain_names
from edgegan.graph.cost import macs
from edgegan.graph.editing import is_call
from edgegan.graph.graph import Graph, functional, refresh
from edgegan.graph.operators import aten
from edgegan.graph.passes import BEFORE_PRUNING
from edgegan.graph.rewrite import apply
from edgegan.prune.allocation import kept_widths
from edgegan.prune.criteria import criterion
from edgegan.prune.how import PLAINLY, How
from edgegan.prune.layers import layered

PRUNABLE = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.Linear)
FIXED = (
    aten.pixel_shuffle.default,
    aten.group_norm.default,
    aten.split.Tensor,
    aten.split_with_sizes.default,
    aten.chunk.default,
)


@dataclass
class Groups:
    """How many coupled groups lost channels, of how many channels in all groups that could; which, by layer."""

    channels: int
    count: int = 0
    removed: int = 0
    gone: dict[str, list[int]] = field(default_factory=dict)


def prune(graph: Graph, share: float, how: How = PLAINLY) -> StageResult[tuple[Graph, fx.GraphModule]]:
    """Remove ``share`` (0..0.95) of all channels that can be pruned.

    Returns the pruned Graph and its layered form, which ``distil`` trains. Channels of the output, and those that a
    PixelShuffle, a GroupNorm or a split rearranges, are kept. Raises ModelError when nothing can be pruned.
    """
    with stopwatch() as seconds:
        graph = prepared(graph)
        pruned, groups, skipped = _Cut(layered(graph), graph, share, how).done()
        result = recapture(pruned, graph)
        notes = [
            f"removed {groups.removed} of {groups.channels} channels in {groups.count} groups: {macs(graph) / 1e6:.1f} "
            f"M -> {macs(result) / 1e6:.1f} M MACs"
        ]
        if skipped:
            notes.append(f"left whole, since the code depends on their width: {', '.join(skipped)}")
        return StageResult((result, pruned), tuple(notes), seconds())


def removed_channels(graph: Graph, share: float, how: How = PLAINLY) -> dict[str, list[int]]:
    """Which output channels ``prune`` takes, by the name of their layer in the layered form of the graph."""
    graph = prepared(graph)
    return _Cut(layered(graph), graph, share, how).done()[1].gone


def prepared(graph: Graph) -> Graph:
    """``graph`` with its computed weights as constants: spectral norm, equalized rates and modulation then prune like
    plain layers."""
    return apply(graph, BEFORE_PRUNING).value


def share_for_macs_ratio(graph: Graph, ratio: float, how: How = PLAINLY) -> float:
    """The least share whose pruned network has ``ratio`` times fewer multiply-accumulates, by bisection to 1 %.

    Raises ModelError where even 95 % is not enough.
    """
    graph = prepared(graph)
    wanted = macs(graph) / ratio
    low, high = 0.0, 0.95
    if macs(prune(graph, high, how).value[0]) > wanted:
        raise ModelError(
            f"--macs-ratio {ratio:g} is out of reach: removing 95 % of the channels leaves more than "
            f"{wanted / 1e6:.2f} M MACs"
        )
    while high - low > 0.01:
        middle = (low + high) / 2
        if macs(prune(graph, middle, how).value[0]) > wanted:
            low = middle
        else:
            high = middle
    return high


def recapture(network: fx.GraphModule, like: Graph) -> Graph:
    """A layered network as a Graph again."""
    module = functional(network, like.example_inputs())
    plain_names(module, like.spec.inputs)
    graph = like.with_module(module)
    refresh(module, graph.example_inputs())
    return graph


class _Cut:
    """Ways of taking ``share`` of the channels of ``network``, the layered form of ``graph``."""

    def __init__(self, network: fx.GraphModule, graph: Graph, share: float, how: How) -> None:
        self.network, self.graph, self.share, self.how = network, graph, share, how
        self.layers = frozenset(name for name, m in network.named_modules() if isinstance(m, PRUNABLE))
        self.protected = frozenset(name for pattern in how.keep for name in _matching(pattern, self.layers))
        self.worth = criterion(how.criterion, network, graph, how.seed)

    def done(self) -> tuple[fx.GraphModule, Groups, list[str]]:
        """The pruned copy, what went, and the layers that the code needs whole."""
        pruned, groups = self.without(self.protected)
        return self.what_runs() if pruned is None else (pruned, groups, [])

    def without(self, whole: frozenset[str]) -> tuple[fx.GraphModule | None, Groups]:
        """A pruned copy whose layers ``whole`` keep their channels, and what went; None where the copy does not run any
        more."""
        candidate = copy.deepcopy(self.network)
        logging.getLogger("torch_pruning").setLevel(logging.ERROR)
        dependencies = tp.DependencyGraph().build_dependency(
            candidate, example_inputs=self.graph.example_inputs(), verbose=False
        )
        names = {module: name for name, module in candidate.named_modules()}
        kept = {candidate.get_submodule(n) for n in _kept_layers(candidate) | whole}
        scored: list[tuple[str, object, torch.Tensor]] = []
        seen: set[nn.Module] = set()
        convolutions = dependencies.get_all_groups(ignored_layers=list(kept), root_module_types=PRUNABLE[:-1])
        linears = dependencies.get_all_groups(ignored_layers=list(kept), root_module_types=PRUNABLE[-1:])
        for group in (*convolutions, *linears):
            widened = {dep.target.module for dep, _ in group if dependencies.is_out_channel_pruning_fn(dep.handler)}
            if not isinstance(group[0].dep.target.module, PRUNABLE) or widened & (kept | seen):
                continue
            seen |= {m for m in widened if isinstance(m, PRUNABLE)}
            scores = _by_channel(self.worth(group, names), group)
            if scores is not None:
                scored.append((names[group[0].dep.target.module], group[0].dep.handler, scores))
        groups = Groups(channels=sum(len(scores) for _, _, scores in scored))
        widths = kept_widths([len(s) for _, _, s in scored], self.share, self.how.redundancy)
        for (name, handler, scores), width in zip(scored, widths, strict=True):
            removed = torch.argsort(scores.mean(1))[: len(scores) - width]
            if not len(removed):
                continue
            block = scores.shape[1]
            channels = (removed[:, None] * block + torch.arange(block)).flatten().tolist()
            group = dependencies.get_pruning_group(candidate.get_submodule(name), handler, channels)
            if dependencies.check_pruning_group(group):
                groups.gone |= {
                    names[dep.target.module]: sorted(indices)
                    for dep, indices in group
                    if isinstance(dep.target.module, PRUNABLE) and dependencies.is_out_channel_pruning_fn(dep.handler)
                }
                group.prune()
                groups.count += 1
                groups.removed += len(removed)
        if not groups.count:
            raise ModelError(
                "no channels can be pruned in this generator: every layer's width is fixed by its output or its code; "
                "leave --prune out"
            )
        return (candidate if _runs(candidate, self.graph) else None), groups

    def what_runs(self) -> tuple[fx.GraphModule, Groups, list[str]]:
        """Where pruning everything breaks the code, find the layers that must stay whole, one by one."""
        prunable: list[str] = []
        for name in sorted(self.layers - self.protected):
            try:
                alone, _ = self.without(self.layers - {name})
            except ModelError:
                continue
            if alone is not None:
                prunable.append(name)
        whole = self.layers - frozenset(prunable)
        pruned, groups = self.without(whole)
        if pruned is None:
            raise ModelError(
                "the generator's code does not run with fewer channels; write its reshapes with -1, or leave --prune "
                "out"
            )
        return pruned, groups, sorted(whole - self.protected - _kept_layers(self.network))


def _matching(pattern: str, layers: Collection[str]) -> list[str]:
    found = fnmatch.filter(layers, pattern)
    if not found:
        raise UsageError(f"--keep-layer {pattern}: no layer has that name; {nearest(pattern, layers)}")
    return found


def _by_channel(scores: torch.Tensor | None, group: tp.dependency.Group) -> torch.Tensor | None:
    """Worth as (channels, places): places above 1 where a linear layer makes a whole map of each channel.

    None where Torch-Pruning cannot follow the group's indices; the group then stays as it is.
    """
    if scores is None:
        return None
    narrowest = min(len(item.idxs) for item in group)
    return scores.view(narrowest, -1) if len(scores) % narrowest == 0 else scores.view(-1, 1)


def _kept_layers(network: fx.GraphModule) -> set[str]:
    """Layers whose output channels reach the output, or an operator that gives channels a place, without another layer
    between."""
    kept: set[str] = set()
    starts = [n for n in network.graph.nodes if n.op == "output" or is_call(n, *FIXED)]
    for start in starts:
        pending, seen = list(start.all_input_nodes), set()
        while pending:
            node = pending.pop()
            if node in seen:
                continue
            seen.add(node)
            if node.op == "call_module" and isinstance(network.get_submodule(str(node.target)), PRUNABLE):
                kept.add(str(node.target))
            else:
                pending += node.all_input_nodes
    return kept


@torch.no_grad()
def _runs(network: fx.GraphModule, graph: Graph) -> bool:
    try:
        output = network(*graph.example_inputs())
    except (RuntimeError, IndexError, ValueError):
        return False
    return tuple(output.shape) == graph.output_shape
