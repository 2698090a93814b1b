"""A layer by itself: what goes into it, what comes out, and what comes out when its input and weights are rounded to
int8."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import fx

from edgegan.graph.editing import input_of, is_call, weight
from edgegan.graph.operators import TRANSPOSED
from edgegan.quantize.calibration import Batches, watch
from edgegan.quantize.ranges import RangeObserver
from edgegan.quantize.scheme import Scheme

SAMPLES, ELEMENTS = 32, 1 << 21
"""Inputs of a layer that are kept: so many samples, and no more numbers than this."""


class LayerInput:
    """What calibration showed of one layer's input: some samples of it, the largest magnitude of each channel, its
    range as the scheme has it. Memory does not grow with the number of samples."""

    def __init__(self, scheme: Scheme) -> None:
        self._kept: list[torch.Tensor] = []
        self._range = RangeObserver(method=scheme.observer)
        self.highest = torch.zeros(())

    def look(self, value: torch.Tensor) -> None:
        """Take in a batch. Raises ValueError for values that are not finite."""
        self._range.look(value)
        self.highest = torch.maximum(self.highest, value.abs().amax([d for d in range(value.ndim) if d != 1]))
        held = sum(v.numel() for v in self._kept)
        if not self._kept or (len(self._kept) < SAMPLES and held + value.numel() <= ELEMENTS):
            self._kept.append(value.clone())

    @property
    def samples(self) -> torch.Tensor:
        return torch.cat(self._kept)

    @property
    def range(self) -> tuple[float, float]:
        return self._range.range()


def layer_inputs(
    module: fx.GraphModule, nodes: Sequence[fx.Node], scheme: Scheme, batches: Batches
) -> dict[fx.Node, LayerInput]:
    """What goes into ``nodes`` while ``module`` runs over ``batches``; empty where there are none."""
    by_source = {input_of(node).name: LayerInput(scheme) for node in nodes}
    seen = watch(module, {name: kept.look for name, kept in by_source.items()}, batches)
    return {node: by_source[input_of(node).name] for node in nodes} if seen else {}


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
