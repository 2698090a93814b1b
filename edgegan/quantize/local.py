"""A layer by itself: what goes into it, what comes out, and what comes out when its input and weights are rounded to
int8."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from edgegan.core.errors import ModelError
from edgegan.graph.editing import is_call, weight
from edgegan.graph.operators import TRANSPOSED
from edgegan.quantize.ranges import RangeObserver
from edgegan.quantize.scheme import Scheme

SAMPLES, ELEMENTS = 32, 1 << 21
"""Inputs of a layer that are kept: so many samples, and no more numbers than this."""


@dataclass
class Seen:
    """What calibration showed of one layer's input: some samples of it, and the largest magnitude of each channel."""

    inputs: torch.Tensor
    highest: torch.Tensor
    low: float
    high: float


def watch(
    module: fx.GraphModule, nodes: Sequence[fx.Node], scheme: Scheme, batches: Iterable[tuple[torch.Tensor, ...]]
) -> dict[fx.Node, Seen]:
    """Run ``module`` over ``batches`` and keep what goes into ``nodes``; memory does not grow with their number."""
    kept: dict[fx.Node, list[torch.Tensor]] = {node: [] for node in nodes}
    highest: dict[fx.Node, torch.Tensor] = {}
    ranges = {node: RangeObserver(method=scheme.observer) for node in nodes}

    class Watcher(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            if n in kept:
                value = self.env[n.args[0]].detach()
                try:
                    ranges[n].observe(value.numpy())
                except ValueError as exc:
                    raise ModelError(
                        f"calibration met a {exc} before {n.name}; check the weights and the --data"
                    ) from exc
                most = value.abs().amax([d for d in range(value.ndim) if d != 1])
                highest[n] = torch.maximum(highest[n], most) if n in highest else most
                if len(kept[n]) < SAMPLES and (
                    not kept[n] or sum(v.numel() for v in kept[n]) + value.numel() <= ELEMENTS
                ):
                    kept[n].append(value.clone())
            return super().run_node(n)

    with torch.no_grad():
        for batch in batches:
            Watcher(module).run(*batch)
    return {node: Seen(torch.cat(kept[node]), highest[node], *ranges[node].range()) for node in nodes if kept[node]}


def layer_output(
    module: fx.GraphModule, node: fx.Node, inputs: torch.Tensor, kernel: torch.Tensor | None = None
) -> torch.Tensor:
    """What the layer computes of ``inputs``, with other weights where ``kernel`` gives them."""
    given = [weight(module, a) if isinstance(a, fx.Node) else a for a in node.args]
    given[0], given[1] = inputs, given[1] if kernel is None else kernel
    return node.target(*given, **node.kwargs)  # type: ignore[operator]


def rounded_output(
    module: fx.GraphModule, node: fx.Node, inputs: torch.Tensor, kernel: torch.Tensor, scheme: Scheme
) -> torch.Tensor:
    """What the layer computes with ``inputs`` and ``kernel`` rounded to int8, the range as the scheme has it."""
    observer = RangeObserver(method=scheme.observer)
    observer.observe(inputs.numpy())
    return layer_output(
        module, node, round_activation(inputs, *observer.range(), scheme), round_weight(kernel, weight_axis(node))
    )


def weight_axis(node: fx.Node) -> int:
    """The axis of a layer's weights that has a scale for each of its places."""
    return 1 if is_call(node, *TRANSPOSED) else 0


def weight_scale(kernel: torch.Tensor, axis: int, bits: int = 8) -> torch.Tensor:
    """Symmetric scale of each output channel, shaped to broadcast."""
    return kernel.abs().amax([d for d in range(kernel.ndim) if d != axis], keepdim=True).clamp_min(1e-12) / (
        2 ** (bits - 1) - 1
    )


def round_weight(kernel: torch.Tensor, axis: int, bits: int = 8) -> torch.Tensor:
    scale = weight_scale(kernel, axis, bits)
    return torch.round(kernel / scale) * scale


def activation_steps(low: float, high: float, scheme: Scheme) -> tuple[float, int, int]:
    """Scale, lowest and highest step of a tensor, zero among them."""
    if scheme.symmetric:
        return max(-low, high) / 127, -127, 127
    scale = (high - low) / 255
    zero = round(-low / scale)
    return scale, -zero, 255 - zero


def round_activation(value: torch.Tensor, low: float, high: float, scheme: Scheme) -> torch.Tensor:
    scale, lowest, highest = activation_steps(low, high, scheme)
    return torch.round(value / scale).clamp(lowest, highest) * scale
