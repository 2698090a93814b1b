"""Simulated int8 for training: weights and activations rounded on the way forward, passed straight through on the way
back (Bengio et al. 2013, arXiv:1308.3432; Jacob et al. 2018, arXiv:1712.05877)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import cast

import torch
from torch import fx, nn
from torch.nn.utils import parametrize

from edgegan.graph.editing import input_of
from edgegan.quantize.ranges import RangeObserver
from edgegan.quantize.scheme import SATURATING, Scheme

LAYERS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.Linear)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d)


class RoundedWeight(nn.Module):
    """Symmetric rounding per output channel; the scale follows the weights, as exporting does later.

    Below 8 bits the largest weights are clipped where that costs less than the coarser steps they ask for; clipped they
    stay, so that exporting finds the same scale. A transposed convolution is exported in phases, each with output
    channels of its own: ``period`` is after how many taps along each axis the same phase comes again.
    """

    def __init__(self, layer: nn.Module, bits: int = 8, period: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.most = float(2 ** (bits - 1) - 1)
        self.channel = 1 if isinstance(layer, TRANSPOSED) and layer.groups == 1 else 0
        self.period = period
        self.ratio: torch.Tensor | float = 1.0 if bits == 8 else self._best_ratio(layer.weight.detach())  # type: ignore[operator]

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return straight_through(weight, self._rounded(weight.detach(), self.ratio))

    def clipped(self, weight: torch.Tensor) -> torch.Tensor:
        """The float weights as exporting is to see them."""
        bound = self.ratio * self._spread(weight.abs(), torch.amax)
        return torch.maximum(torch.minimum(weight, bound), -bound)

    def _rounded(self, weight: torch.Tensor, ratio: torch.Tensor | float) -> torch.Tensor:
        scale = (ratio * self._spread(weight.abs(), torch.amax)).clamp_min(1e-12) / self.most
        return torch.round(weight / scale).clamp(-self.most, self.most) * scale

    def _best_ratio(self, weight: torch.Tensor) -> torch.Tensor:
        """For each scale the share of the largest magnitude with the least squared error."""
        best, least = torch.ones_like(weight), torch.full_like(weight, torch.inf)
        for ratio in RATIOS:
            error = self._spread((self._rounded(weight, ratio) - weight) ** 2, torch.sum)
            best, least = torch.where(error < least, ratio, best), torch.minimum(error, least)
        return best

    def _spread(self, values: torch.Tensor, reduce: Callable[..., torch.Tensor]) -> torch.Tensor:
        """``reduce`` over all weights that share a scale, at the place of each of them."""
        others = [d for d in range(values.ndim) if d != self.channel]
        spread = torch.empty_like(values)
        for start in itertools.product(*(range(p) for p in self.period)):
            taps = (
                (slice(None), slice(None), *(slice(s, None, p) for s, p in zip(start, self.period, strict=True)))
                if self.period
                else ...
            )
            spread[taps] = reduce(values[taps], dim=others, keepdim=True)
        return spread


RATIOS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5)


class RoundedActivation(nn.Module):
    """Per-tensor rounding between bounds that were observed before training and stay; values beyond them are
    clipped."""

    low: torch.Tensor
    high: torch.Tensor

    def __init__(self, scheme: Scheme, saturation: float | None, bits: int = 8) -> None:
        super().__init__()
        self.scheme, self.saturation, self.levels = scheme, saturation, 2**bits - 1
        self.observer: RangeObserver | None = RangeObserver(method=scheme.observer)
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.ones(()))

    def freeze(self) -> None:
        """Take the range with the least squared error of what was seen."""
        assert self.observer is not None
        low, high = self.observer.range(self.saturation)
        if self.scheme.symmetric:
            low, high = -max(-low, high), max(-low, high)
        self.low.fill_(low)
        self.high.fill_(high)
        self.observer = None

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        if self.observer is not None:
            self.observer.observe(value.detach().numpy())
            return value
        scale = (self.high - self.low) / self.levels
        zero = torch.round(-self.low / scale)
        clipped = value.clamp(self.low, self.high)
        return straight_through(clipped, (torch.round(clipped / scale).clamp(-zero, self.levels - zero)) * scale)


def straight_through(value: torch.Tensor, rounded: torch.Tensor) -> torch.Tensor:
    """``rounded`` forward, the gradient of ``value`` backward."""
    return value + (rounded - value).detach()


@torch.no_grad()
def fake_quantize(
    network: fx.GraphModule, scheme: Scheme, batches: Iterable[tuple[torch.Tensor, ...]]
) -> fx.GraphModule:
    """Put rounding into a layered network, in place: inputs and weights of every layer, and what feeds a tanh or
    sigmoid.

    Ranges are observed over ``batches`` and frozen. ``unfake`` takes the rounding out again.
    """
    modules = dict(network.named_modules())
    made: dict[fx.Node, fx.Node] = {}
    layers = [n for n in network.graph.nodes if n.op == "call_module" and isinstance(modules[str(n.target)], LAYERS)]
    for node in list(network.graph.nodes):
        layer = modules.get(str(node.target)) if node.op == "call_module" else None
        if isinstance(layer, LAYERS):
            source = input_of(node)
            if source not in made:
                made[source] = _insert(network, source, scheme, None)
            node.update_arg(0, made[source])
            parametrize.register_parametrization(
                layer,
                "weight",
                RoundedWeight(layer, scheme.bits(layers.index(node), len(layers)), _period(layer, source)),
                unsafe=True,
            )
        elif node.op == "call_function" and node.target in SATURATING:
            source = input_of(node)
            node.update_arg(0, _insert(network, source, scheme, SATURATING[node.target]))
    network.recompile()
    for batch in batches:
        network(*batch)
    for module in network.modules():
        if isinstance(module, RoundedActivation):
            module.freeze()
    return network


def unfake(network: fx.GraphModule) -> fx.GraphModule:
    """The network with its trained float weights and no rounding, in place."""
    modules = dict(network.named_modules())
    for node in list(network.graph.nodes):
        if node.op == "call_module" and isinstance(modules[str(node.target)], RoundedActivation):
            node.replace_all_uses_with(input_of(node))
            network.graph.erase_node(node)
    for module in modules.values():
        if isinstance(module, LAYERS) and parametrize.is_parametrized(module, "weight"):
            rounded = cast("RoundedWeight", module.parametrizations["weight"][0])  # type: ignore[index]
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=False)
            with torch.no_grad():
                module.weight.copy_(rounded.clipped(module.weight))
    network.delete_all_unused_submodules()
    network.recompile()
    return network


def _period(layer: nn.Module, source: fx.Node) -> tuple[int, ...]:
    """Of a transposed convolution's phases; each tap is one of its own where the input is a single pixel (a linear
    layer)."""
    if not isinstance(layer, TRANSPOSED) or layer.groups != 1:
        return ()
    pixels = tuple(source.meta["val"].shape[2:])
    period = tuple(layer.kernel_size) if set(pixels) == {1} else tuple(layer.stride)
    return tuple(min(p, k) for p, k in zip(period, layer.kernel_size, strict=True))


def _insert(network: fx.GraphModule, source: fx.Node, scheme: Scheme, saturation: float | None) -> fx.Node:
    name = f"rounded_{source.name}_{len(dict(network.named_children()))}"
    network.add_module(name, RoundedActivation(scheme, saturation))
    with network.graph.inserting_after(source):
        return network.graph.call_module(name, (source,))
