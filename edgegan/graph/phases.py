"""The algebra of a transposed convolution as phases.

Uncropped output row o = s w + r takes input row w - j with tap j s + r, j = 0 .. T-1, T = ceil(k / s). Stacked, all
phases are one convolution of T taps with reversed weights; split, each is a convolution of its own taps alone, which
wastes nothing where s does not divide k. Only the rows that the crop keeps are computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from torch import fx
from torch.nn.functional import pad

from edgegan.graph.editing import arguments, is_call, pair, shape, weight
from edgegan.graph.operators import TRANSPOSED


@dataclass(frozen=True)
class Axis:
    """One spatial axis: how its phases are computed, and where the output starts once they are interleaved."""

    size: int
    kernel: int
    stride: int
    first: int
    positions: int
    start: int
    length: int

    @property
    def taps(self) -> int:
        return -(-self.kernel // self.stride)

    def taps_of(self, phase: int) -> int:
        """Taps that phase ``phase`` has of its own."""
        return max(0, -(-(self.kernel - phase) // self.stride))

    def margins(self, taps: int) -> tuple[int, int]:
        """Zeros that a convolution of ``taps`` needs before and after the input; negative where it does not read the
        end."""
        return taps - 1 - self.first, self.first + self.positions - self.size

    @property
    def is_whole(self) -> bool:
        """Whether interleaving gives exactly the output, with nothing to crop."""
        return (self.start, self.length) == (0, self.positions * self.stride)


def axis(size: int, kernel: int, stride: int, padding: int, length: int) -> Axis:
    """How an axis of ``size`` inputs and ``length`` outputs is computed."""
    first = padding // stride
    return Axis(size, kernel, stride, first, -(-(padding + length) // stride) - first, padding - first * stride, length)


@dataclass(frozen=True)
class Phases:
    """A transposed convolution over one or two axes: weight (Cin, Cout / groups, *kernel), bias (Cout,)."""

    source: fx.Node
    axes: tuple[Axis, ...]
    groups: int
    kernel: torch.Tensor
    bias: torch.Tensor | None
    batch: int
    channels: int

    @property
    def strides(self) -> tuple[int, ...]:
        return tuple(a.stride for a in self.axes)

    @property
    def count(self) -> int:
        return int(torch.tensor(self.strides).prod())

    def stacked(self) -> torch.Tensor:
        """(Cout * phases, Cin / groups, *taps), phases innermost, taps reversed."""
        inputs, per_group = self.kernel.shape[:2]
        rank = len(self.axes)
        margins = [m for a in reversed(self.axes) for m in (0, a.taps * a.stride - a.kernel)]
        full = pad(self.kernel, margins)
        split = full.view(
            self.groups, inputs // self.groups, per_group, *(n for a in self.axes for n in (a.taps, a.stride))
        )
        taps, strides = [3 + 2 * i for i in range(rank)], [4 + 2 * i for i in range(rank)]
        order = split.flip(taps).permute(0, 2, *strides, 1, *taps)
        return order.reshape(self.channels * self.count, inputs // self.groups, *(a.taps for a in self.axes))

    def split(self) -> list[torch.Tensor] | None:
        """A (Cout, Cin / groups, *taps) for each phase, in row-major order; None where a phase has no tap at all."""
        inputs, per_group = self.kernel.shape[:2]
        grouped = self.kernel.view(self.groups, inputs // self.groups, per_group, *self.kernel.shape[2:])
        parts = []
        for phase in product(*(range(s) for s in self.strides)):
            if any(a.taps_of(r) == 0 for a, r in zip(self.axes, phase, strict=True)):
                return None
            part = grouped[
                (slice(None),) * 3 + tuple(slice(r, None, a.stride) for a, r in zip(self.axes, phase, strict=True))
            ]
            part = part.flip(list(range(3, part.ndim))).transpose(1, 2)
            parts.append(part.reshape(self.channels, inputs // self.groups, *part.shape[3:]))
        return parts


def match(module: fx.GraphModule, node: fx.Node) -> Phases | None:
    """A transposed convolution with constant weights that the phase form covers: any but a dilated one."""
    if not is_call(node, *TRANSPOSED):
        return None
    call = arguments(node)
    kernel, bias = weight(module, call["weight"]), weight(module, call["bias"])
    if kernel is None or (call["bias"] is not None and bias is None):
        return None
    rank = kernel.ndim - 2
    if pair(call["dilation"], rank) != (1,) * rank or len(shape(node)) != rank + 2:
        return None
    axes = tuple(
        axis(*sizes)
        for sizes in zip(
            shape(call["input"])[2:],
            kernel.shape[2:],
            pair(call["stride"], rank),
            pair(call["padding"], rank),
            shape(node)[2:],
            strict=True,
        )
    )
    return Phases(call["input"], axes, call["groups"], kernel, bias, *shape(node)[:2])
