"""What a channel is worth: from a coupled group of layers one number a channel; the least worth goes first.

``magnitude``: norm of all weights that it couples (Li et al. 2017, arXiv:1608.08710; over groups: Fang et al. 2023,
arXiv:2301.12900). ``gamma``: scale of its BatchNorm (Liu et al. 2017, arXiv:1708.06519), magnitude where a group has
none. ``sensitivity``: how much the picture changes without it, to first order (after Molchanov et al. 2019,
arXiv:1906.10771). ``random``: the control.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch_pruning as tp
from torch import fx, nn

from edgegan.core.sampling import sample_inputs
from edgegan.graph.graph import Graph, first_output

Group = Any
"""A torch_pruning.Group."""
Names = Mapping[nn.Module, str]
"""Of the modules of the network whose groups are scored."""
Criterion = Callable[[Group, Names], torch.Tensor | None]
"""A number for each channel of a group; None where its indices cannot be followed."""
PROBES, SEED = 16, 4_000_037
MAKES_CHANNELS = frozenset(pruner.prune_out_channels for pruner in set(tp.pruner.function.PrunerBox.values()))


def criterion(name: str, network: fx.GraphModule, graph: Graph, seed: int) -> Criterion:
    """The criterion of that name for ``network``, the layered form of ``graph``, and for copies of it."""
    if name == "gamma":
        return _first_of(tp.importance.BNScaleImportance(), tp.importance.GroupMagnitudeImportance(p=2))
    if name == "sensitivity":
        return _Sensitivity(network, graph, seed)
    if name == "random":
        generator = torch.Generator().manual_seed(seed)
        return lambda group, _: torch.rand(len(group[0].idxs), generator=generator)
    return _first_of(tp.importance.GroupMagnitudeImportance(p=2))


def _first_of(*importances: Callable[[Group], torch.Tensor | None]) -> Criterion:
    def score(group: Group, _: Names) -> torch.Tensor | None:
        for importance in importances:
            try:
                found = importance(group)
            except (IndexError, RuntimeError):
                continue
            if found is not None:
                return found
        return None

    return score


class _Sensitivity:
    """E[(v . dG/dc)^2] over random signs v: for small changes the squared error of the picture when channel c is set to
    zero. dG/dc is the sum of weight times gradient over what makes the channel last: its BatchNorm, else its layer."""

    def __init__(self, network: fx.GraphModule, graph: Graph, seed: int) -> None:
        self._effects: dict[str, torch.Tensor] = {}
        layers = {n: m for n, m in network.named_modules() if isinstance(getattr(m, "weight", None), nn.Parameter)}
        found: dict[str, list[torch.Tensor]] = {}
        generator = torch.Generator().manual_seed(seed)
        for probe in range(PROBES):
            values = sample_inputs(graph.spec.inputs, graph.batch, SEED + seed + probe)
            network.zero_grad()
            picture = first_output(network(*(torch.from_numpy(v) for v in values.values())))
            signs = torch.randint(0, 2, picture.shape, generator=generator) * 2.0 - 1
            (picture * signs).sum().backward()
            for name, layer in layers.items():
                if layer.weight.grad is not None:
                    found.setdefault(name, []).append(_effect(layer))
        network.zero_grad()
        self._effects = {name: torch.stack(effects) for name, effects in found.items()}

    def __call__(self, group: Group, names: Names) -> torch.Tensor | None:
        layers: list[torch.Tensor] = []
        norms: list[torch.Tensor] = []
        for dependency, indices in group:
            effects = self._effects.get(names.get(dependency.target.module, ""))
            if effects is not None and dependency.handler in MAKES_CHANNELS:
                is_norm = isinstance(dependency.target.module, nn.modules.batchnorm._BatchNorm)
                (norms if is_norm else layers).append(effects[:, indices])
        last = norms or layers
        if not last or len({effects.shape for effects in last}) > 1:
            return None
        return torch.stack(last).sum(0).square().mean(0)


@torch.no_grad()
def _effect(layer: Any) -> torch.Tensor:
    """Weight times gradient, summed over all that makes each of the layer's output channels."""
    products = layer.weight * layer.weight.grad
    if isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d):
        products = products.transpose(0, 1)
    effect = products.flatten(1).sum(1) if products.ndim > 1 else products
    bias = getattr(layer, "bias", None)
    if bias is not None and bias.grad is not None:
        effect = effect + bias * bias.grad
    return effect
