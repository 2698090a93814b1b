"""What each channel of a generator draws: where it is active beside simple segmentations of the picture, and what the
picture loses without it.

GAN dissection (Bau et al. 2019, arXiv:1811.10597) with segmentations that need no network. A channel's map, enlarged to
the picture's size, is cut where its mutual information with a segment is the largest share of their joint entropy; its
segment is the one with which it then agrees best, by intersection over union. Its effect is causal: the picture is
drawn again with the channel at zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from edgegan.core.sampling import sample_inputs
from edgegan.graph.graph import Graph, first_output
from edgegan.metrics.segments import segments
from edgegan.prune.channels import prepared
from edgegan.prune.layers import PRUNABLE, layered

PICTURES, MEMORY = 16, 2**30
"""Most pictures that are drawn, and most bytes that their activations may take."""
PROBES, SIDE = 4, 64
QUANTILES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Where a channel's map may be cut."""
Values = dict[fx.Node, Any]
"""What every node of a network makes."""


@dataclass(frozen=True)
class Unit:
    """A channel of a layer. ``iou``, ``correlation``: its map beside ``segment``'s, over all pixels of all pictures.

    ``estimate``: root of the mean squared change of the picture without it, as a share of the output range, to first
    order; ``effect``: the same, measured, and ``segment_effect``: what ``segment`` has lost of its area by then, 0.5
    for half (None where the channel was not switched off, or there was no such area).
    """

    layer: str
    channel: int
    segment: str
    iou: float
    correlation: float
    estimate: float
    effect: float | None = None
    segment_effect: float | None = None


@dataclass(frozen=True)
class Dissection:
    """``units`` in the order of the layers; ``pictures`` float32 (N, C, H, W) in ``span``."""

    network: fx.GraphModule
    values: Values
    ends: Mapping[str, fx.Node]
    pictures: np.ndarray
    span: tuple[float, float]
    units: tuple[Unit, ...]

    def map(self, unit: Unit) -> np.ndarray:
        """Where ``unit`` is active, float32 (N, h, w)."""
        found: np.ndarray = self.values[self.ends[unit.layer]][:, unit.channel].detach().numpy()
        return found

    def without(self, unit: Unit) -> np.ndarray:
        """The same pictures with ``unit`` at zero, float32 (N, C, H, W)."""
        return _drawn_without(self.network, self.values, self.ends[unit.layer], unit.channel)


def most_pictures(graph: Graph) -> int:
    """How many pictures to dissect a generator on: 16, fewer where their activations would take over a gibibyte."""
    values = [node.meta.get("val") for node in graph.module.graph.nodes if node.op == "call_function"]
    each = sum(4 * value.numel() for value in values if isinstance(value, torch.Tensor)) // graph.batch
    return max(1, min(PICTURES, MEMORY // max(1, each)))


def dissect(
    graph: Graph, seed: int, images: np.ndarray | None, most: int, step: Callable[[int, int], None]
) -> Dissection:
    """Channels of every convolution that is no picture's, with its norm and activation, on ``graph.batch`` pictures.

    ``most`` channels of each layer are switched off, those of the largest estimate. Layers have the names that pruning
    gives them.
    """
    network, span = layered(prepared(graph)), graph.spec.output_range
    inputs = sample_inputs(graph.spec.inputs, graph.batch, seed, images)
    ends = _ends(network)
    values, pictures = _computed(network, [torch.from_numpy(np.ascontiguousarray(v)) for v in inputs.values()])
    estimates = _estimates(values, ends, pictures, span, seed)
    shown, found = pictures.detach().numpy(), segments(pictures.detach().numpy(), span)
    whole = Dissection(network, _without_gradients(values), ends, shown, span, ())
    units = [
        unit for layer, end in ends.items() for unit in _described(layer, values[end].detach(), estimates[layer], found)
    ]
    chosen = {id(unit) for layer in ends for unit in _strongest([u for u in units if u.layer == layer], most)}
    done = 0
    for index, unit in enumerate(units):
        if id(unit) in chosen:
            units[index] = _with_effect(unit, shown, whole.without(unit), found, span)
            done += 1
            step(done, len(chosen))
    return replace(whole, units=tuple(units))


def _strongest(units: list[Unit], most: int) -> list[Unit]:
    return sorted(units, key=lambda unit: unit.estimate, reverse=True)[:most]


def _ends(network: fx.GraphModule) -> dict[str, fx.Node]:
    """By layer, the last node whose channels are still that layer's alone: behind its norm and its activation. Layers
    that make vectors, or the picture itself, are left out."""
    ends = {}
    for node in network.graph.nodes:
        if node.op != "call_module" or not isinstance(network.get_submodule(node.target), PRUNABLE):
            continue
        end = node
        while (after := _alone_after(network, end)) is not None:
            end = after
        shape = node.meta["val"].shape
        picture = any(user.op == "output" for user in end.users)
        if len(shape) == 4 and shape[2] * shape[3] > 1 and not picture:
            ends[str(node.target)] = end
    return ends


def _alone_after(network: fx.GraphModule, node: fx.Node) -> fx.Node | None:
    """The only user of ``node``, where that takes nothing else that is computed and keeps the shape."""
    users = list(node.users)
    if len(users) != 1 or users[0].op not in ("call_function", "call_module"):
        return None
    user = users[0]
    if user.op == "call_module" and isinstance(network.get_submodule(str(user.target)), PRUNABLE):
        return None
    computed = [each for each in user.all_input_nodes if each.op != "get_attr"]
    same = isinstance(user.meta.get("val"), torch.Tensor) and user.meta["val"].shape == node.meta["val"].shape
    return user if computed == [node] and same else None


def _computed(network: fx.GraphModule, inputs: list[torch.Tensor]) -> tuple[Values, torch.Tensor]:
    """What every node makes of ``inputs``, with gradients, and the picture."""
    interpreter = fx.Interpreter(network, garbage_collect_values=False)
    picture = first_output(interpreter.run(*inputs))
    return dict(interpreter.env), picture


def _without_gradients(values: Values) -> Values:
    return {node: value.detach() if isinstance(value, torch.Tensor) else value for node, value in values.items()}


def _estimates(
    values: Values, ends: Mapping[str, fx.Node], picture: torch.Tensor, span: tuple[float, float], seed: int
) -> dict[str, np.ndarray]:
    """By layer, what each channel is estimated to do (channels,).

    For a direction v of random signs E[(v . dG/da a)^2] = |dG/da a|^2, the squared change to first order when a becomes
    zero (Hutchinson 1990); the mean over ``PROBES`` of them, by one backward pass each.
    """
    generator = torch.Generator().manual_seed(seed)
    squares = {layer: torch.zeros(values[end].shape[1]) for layer, end in ends.items()}
    for _ in range(PROBES):
        signs = torch.randint(0, 2, picture.shape, generator=generator) * 2.0 - 1
        activations = [values[end] for end in ends.values()]
        grads = torch.autograd.grad((picture * signs).sum(), activations, retain_graph=True, allow_unused=True)
        for layer, value, grad in zip(ends, activations, grads, strict=True):
            if grad is not None:
                squares[layer] += (grad * value.detach()).sum((2, 3)).square().mean(0) / PROBES
    pixels, width = picture[0].numel(), span[1] - span[0]
    return {layer: (square / pixels).sqrt().numpy() / width for layer, square in squares.items()}


def _described(
    layer: str, maps: torch.Tensor, estimates: np.ndarray, found: Mapping[str, np.ndarray]
) -> Iterator[Unit]:
    """A Unit for each channel of ``maps`` (N, channels, h, w), beside the segment with which it agrees best."""
    names = list(found)
    masks = torch.from_numpy(np.stack([found[name] for name in names])).float()
    side = [min(SIDE, length) for length in masks.shape[2:]]
    masks = (nn.functional.interpolate(masks, side, mode="area") > 0.5).flatten(1).float()
    for channel in range(maps.shape[1]):
        active = nn.functional.interpolate(maps[:, channel : channel + 1], side, mode="bilinear").flatten()
        best, iou, correlation = _agreement(active, masks)
        yield Unit(layer, channel, names[best], iou, correlation, float(estimates[channel]))


def _agreement(active: torch.Tensor, masks: torch.Tensor) -> tuple[int, float, float]:
    """Which of ``masks`` (S, P) of zeros and ones agrees best with ``active`` (P,), how well, and their correlation."""
    cuts = torch.quantile(active[:: max(1, len(active) // 100_000)], torch.tensor(QUANTILES))
    over = (active > cuts[:, None]).float()
    both, ours, theirs = over @ masks.T / len(active), over.mean(1)[:, None], masks.mean(1)[None]
    cells = torch.stack([both, ours - both, theirs - both, 1 - ours - theirs + both]).clamp(min=0)
    apart = torch.stack([ours * theirs, ours * (1 - theirs), (1 - ours) * theirs, (1 - ours) * (1 - theirs)])
    information = (cells * (cells / apart.clamp(min=1e-12)).clamp(min=1e-12).log()).sum(0)
    entropy = -(cells * cells.clamp(min=1e-12).log()).sum(0)
    cut = (information / entropy.clamp(min=1e-12)).argmax(0)
    each = torch.arange(len(masks))
    union = (ours + theirs - both)[cut, each]
    overlap = torch.where(union > 0, both[cut, each] / union.clamp(min=1e-12), torch.zeros(()))
    best = int(overlap.argmax())
    return best, float(overlap[best]), _correlation(active, masks[best])


def _correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    """Pearson's; 0 where one of them is the same everywhere."""
    a, b = a - a.mean(), b - b.mean()
    length = a.norm() * b.norm()
    return float(a @ b / length) if length > 0 else 0.0


def _with_effect(
    unit: Unit, before: np.ndarray, after: np.ndarray, found: Mapping[str, np.ndarray], span: tuple[float, float]
) -> Unit:
    area = found[unit.segment].mean()
    left = segments(after, span)[unit.segment].mean()
    effect = float(np.sqrt(np.mean((after - before) ** 2, dtype=np.float64))) / (span[1] - span[0])
    return replace(unit, effect=effect, segment_effect=float(1 - left / area) if area else None)


@torch.no_grad()
def _drawn_without(network: fx.GraphModule, values: Values, end: fx.Node, channel: int) -> np.ndarray:
    """The picture with a channel of what ``end`` makes at zero; nothing before ``end`` is computed again."""
    before: Values = {}
    for node in network.graph.nodes:
        before[node] = values[node]
        if node is end:
            break
    changed = values[end].clone()
    changed[:, channel] = 0
    interpreter = fx.Interpreter(network, garbage_collect_values=False)
    picture: np.ndarray = first_output(
        interpreter.run(initial_env=before | {end: changed}, enable_io_processing=False)
    ).numpy()
    return picture
