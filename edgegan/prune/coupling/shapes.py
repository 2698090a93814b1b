"""What pointwise operators, reductions and the moving of data tie together."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import torch
from torch import fx

from edgegan.graph.editing import argument, arguments, input_of, shape
from edgegan.graph.operators import (
    CASTS,
    DROPOUTS,
    IDENTITIES,
    MIXING_UPSAMPLES,
    PADS,
    POINTWISE,
    RESHAPES,
    SPLITS,
    UPSAMPLES,
    aten,
)
from edgegan.prune.coupling.atoms import still
from edgegan.prune.coupling.layers import broadcast
from edgegan.prune.coupling.trace import Axes, Rule, Trace


def pointwise(trace: Trace, node: fx.Node) -> Axes:
    return broadcast(trace, [trace.of(source) for source in node.all_input_nodes], shape(node))


def _same(trace: Trace, node: fx.Node) -> Axes:
    return trace.of(input_of(node))


def _maps(trace: Trace, node: fx.Node) -> Axes:
    """Each channel's map by itself: the first two axes are as they were where their sizes are."""
    source, sizes = trace.of(input_of(node)), shape(node)
    for other in node.all_input_nodes[1:]:
        trace.fix(*trace.of(other))
    kept = len(sizes) - _map_rank(node)
    trace.fix(*source[kept:])
    given: list[np.ndarray] = []
    for axis, size in zip(source, sizes, strict=True):
        stays = len(given) < kept and len(axis) == size
        if not stays:
            trace.fix(axis)
        given.append(axis if stays else still(size))
    return tuple(given)


def _map_rank(node: fx.Node) -> int:
    """How many of the last axes the operator works on."""
    return len(shape(node)) - 2 if len(shape(node)) > 3 else 1


def _shuffle(trace: Trace, node: fx.Node) -> Axes:
    """Channels that become pixels go together."""
    source, factor = trace.of(input_of(node)), argument(node, 1)
    trace.fix(*source[:-3], *source[-2:])
    rows = source[-3].reshape(-1, factor * factor)
    trace.tie(rows, np.broadcast_to(rows[:, :1], rows.shape))
    return (*source[:-3], rows[:, 0], *map(still, shape(node)[-2:]))


def _unshuffle(trace: Trace, node: fx.Node) -> Axes:
    source, factor = trace.of(input_of(node)), argument(node, 1)
    trace.fix(*source[:-3], *source[-2:])
    return (*source[:-3], np.repeat(source[-3], factor * factor), *map(still, shape(node)[-2:]))


def _glu(trace: Trace, node: fx.Node) -> Axes:
    """What gates a channel goes with it."""
    source, axis = list(trace.of(input_of(node))), arguments(node)["dim"]
    first, second = np.split(source[axis], 2)
    trace.tie(first, second)
    source[axis] = first
    return tuple(source)


def _reduced(trace: Trace, node: fx.Node) -> Axes:
    source, call = trace.of(input_of(node)), arguments(node)
    given = call.get("dim")
    axes = range(len(source)) if given is None or given == [] else [given] if isinstance(given, int) else given
    gone = {axis % len(source) for axis in axes}
    keep = call.get("keepdim", False)
    return tuple(still(1) if place in gone else axis for place, axis in enumerate(source) if keep or place not in gone)


def _permuted(trace: Trace, node: fx.Node) -> Axes:
    source = trace.of(input_of(node))
    if node.target is aten.permute.default:
        return tuple(source[axis] for axis in argument(node, 1))
    order = list(source)
    one, other = (0, 1) if node.target is aten.t.default else (argument(node, 1), argument(node, 2))
    if len(order) > 1:
        order[one], order[other] = order[other], order[one]
    return tuple(order)


def _resized(trace: Trace, node: fx.Node) -> Axes:
    """Runs of axes that hold as many values before and after."""
    source, before, after = trace.of(input_of(node)), shape(input_of(node)), shape(node)
    given: dict[int, np.ndarray] = {}
    for ins, outs in _runs(before, after):
        if len(ins) == len(outs) == 1:
            given[outs[0]] = source[ins[0]]
        else:
            given |= _run(trace, node, [source[axis] for axis in ins], {axis: after[axis] for axis in outs})
    for axis, size in enumerate(before):
        if size == 1:
            trace.fix(source[axis])
    return tuple(given.get(axis, still(size)) for axis, size in enumerate(after))


def _run(trace: Trace, node: fx.Node, source: list[np.ndarray], sizes: dict[int, int]) -> dict[int, np.ndarray]:
    carrier = next((place for place, axis in enumerate(source) if axis.any()), None)
    if carrier is None:
        return {axis: still(size) for axis, size in sizes.items()}
    trace.fix(*(axis for place, axis in enumerate(source) if place != carrier))
    before = [1] * len(source)
    before[carrier] = len(source[carrier])
    every = np.broadcast_to(source[carrier].reshape(before), [len(axis) for axis in source])
    if len(sizes) == 1:
        return {next(iter(sizes)): every.reshape(-1)}
    largest_first = sorted(sizes, key=lambda axis: -sizes[axis])
    chosen = largest_first[trace.choose(node, len(sizes))]
    rows = np.moveaxis(every.reshape(list(sizes.values())), list(sizes).index(chosen), 0).reshape(sizes[chosen], -1)
    trace.tie(rows, np.broadcast_to(rows[:, :1], rows.shape))
    trace.undecided[node.name] = (rows[:, 0], len(sizes))
    return {axis: rows[:, 0] if axis == chosen else still(size) for axis, size in sizes.items()}


def _runs(before: tuple[int, ...], after: tuple[int, ...]) -> Iterator[tuple[list[int], list[int]]]:
    """The shortest runs of axes, as places before and after, of the same product; axes of one index are left out."""
    ins = [axis for axis, size in enumerate(before) if size != 1]
    outs = [axis for axis, size in enumerate(after) if size != 1]
    while ins:
        one, other = [ins.pop(0)], [outs.pop(0)]
        while (left := prod(before[a] for a in one)) != (right := prod(after[a] for a in other)):
            if left < right:
                one.append(ins.pop(0))
            else:
                other.append(outs.pop(0))
        yield one, other


def _unsqueezed(trace: Trace, node: fx.Node) -> Axes:
    source, place = list(trace.of(input_of(node))), argument(node, 1)
    source.insert(place if place >= 0 else place + len(source) + 1, still(1))
    return tuple(source)


def _squeezed(trace: Trace, node: fx.Node) -> Axes:
    source = trace.of(input_of(node))
    named = argument(node, 1)
    gone = {axis % len(source) for axis in ([named] if isinstance(named, int) else named)}
    trace.fix(*(axis for place, axis in enumerate(source) if place in gone and len(axis) == 1))
    return tuple(axis for place, axis in enumerate(source) if place not in gone or len(axis) != 1)


def _expanded(trace: Trace, node: fx.Node) -> Axes:
    """What is repeated may have any number of channels, so those are new ones."""
    source, sizes = trace.of(input_of(node)), shape(node)
    padded = [still(1)] * (len(sizes) - len(source)) + list(source)
    return tuple(
        axis if len(axis) == size else trace.atoms.fresh(size) for axis, size in zip(padded, sizes, strict=True)
    )


def _repeated(trace: Trace, node: fx.Node) -> Axes:
    source, times = trace.of(input_of(node)), argument(node, 1)
    padded = [still(1)] * (len(times) - len(source)) + list(source)
    return tuple(np.tile(axis, count) for axis, count in zip(padded, times, strict=True))


def _sliced(trace: Trace, node: fx.Node) -> Axes:
    source, call = list(trace.of(input_of(node))), arguments(node)
    axis = call["dim"]
    if call["step"] != 1:
        trace.fix(source[axis])
    source[axis] = source[axis][call["start"] : call["end"] : call["step"]]
    return tuple(source)


def _selected(trace: Trace, node: fx.Node) -> Axes:
    source, axis = list(trace.of(input_of(node))), argument(node, 1)
    trace.fix(source.pop(axis))
    return tuple(source)


def _flipped(trace: Trace, node: fx.Node) -> Axes:
    source = list(trace.of(input_of(node)))
    for axis in argument(node, 1):
        source[axis] = source[axis][::-1]
    return tuple(source)


def _rolled(trace: Trace, node: fx.Node) -> Axes:
    source, axes = trace.of(input_of(node)), arguments(node)["dims"]
    trace.fix(*(source[axis] for axis in ([axes] if isinstance(axes, int) else axes or range(len(source)))))
    return source


def _picked(trace: Trace, node: fx.Node) -> Axes | list[Axes]:
    """Rows of a table by their numbers: what lies along the other axes stays together."""
    source, indices = trace.of(input_of(node)), argument(node, 1)
    used = [place for place, index in enumerate(indices) if index is not None]
    if len(used) != 1:
        trace.fix(*source)
        return tuple(map(still, shape(node)))
    trace.fix(source[used[0]])
    return (*source[: used[0]], *map(still, shape(indices[used[0]])), *source[used[0] + 1 :])


def _index_selected(trace: Trace, node: fx.Node) -> Axes:
    source, axis = list(trace.of(input_of(node))), argument(node, 1)
    trace.fix(source[axis])
    source[axis] = still(shape(node)[axis])
    return tuple(source)


def _parts(trace: Trace, node: fx.Node) -> list[Axes]:
    source, axis = trace.of(input_of(node)), arguments(node)["dim"] % len(trace.of(input_of(node)))
    ends = np.cumsum([part.shape[axis] for part in node.meta["val"]])[:-1]
    return [(*source[:axis], part, *source[axis + 1 :]) for part in np.split(source[axis], ends)]


def _unbound(trace: Trace, node: fx.Node) -> list[Axes]:
    source = list(trace.of(input_of(node)))
    gone = source.pop(arguments(node)["dim"])
    trace.fix(gone)
    return [tuple(source)] * len(gone)


def _joined(trace: Trace, node: fx.Node) -> Axes:
    several = [axes for source in argument(node, 0) if len(axes := trace.of(source)) == len(shape(node))]
    axis = arguments(node)["dim"] % len(shape(node))
    given = list(several[0])
    for axes in several[1:]:
        for place, (mine, its) in enumerate(zip(given, axes, strict=True)):
            if place != axis:
                trace.tie(its, mine)
    given[axis] = np.concatenate([axes[axis] for axes in several])
    return tuple(given)


def _stacked(trace: Trace, node: fx.Node) -> Axes:
    several = [trace.of(source) for source in argument(node, 0)]
    given = list(broadcast(trace, several, shape(argument(node, 0)[0])))
    place = arguments(node)["dim"]
    given.insert(place if place >= 0 else place + len(given) + 1, still(len(several)))
    return tuple(given)


def is_pointwise(target: Any) -> bool:
    """Whether PyTorch says that an operator works on each value by itself."""
    return isinstance(target, torch._ops.OpOverload) and torch.Tag.pointwise in target.tags


SAME = (
    *POINTWISE, *IDENTITIES, *CASTS, *DROPOUTS, aten.hardswish.default, aten.hardsigmoid.default, aten.softmax.int,
    aten.log_softmax.int, aten._softmax.default,
)  # fmt: skip
"""What gives what it reads, of the same sizes; not every PyTorch says of leaky_relu that it is pointwise. Softmax over
fewer channels is another one, which training mends."""
MAPS = (
    *PADS, *UPSAMPLES, *MIXING_UPSAMPLES, aten.max_pool2d.default, aten.avg_pool2d.default, aten.avg_pool1d.default,
    aten.adaptive_avg_pool2d.default, aten.adaptive_max_pool2d.default, aten.upsample_nearest1d.vec,
    aten.upsample_linear1d.vec, aten._upsample_nearest_exact2d.vec, aten._adaptive_avg_pool2d.default,
    aten.max_pool1d.default, aten.adaptive_avg_pool1d.default, aten.grid_sampler.default, aten.grid_sampler_2d.default,
)  # fmt: skip
REDUCTIONS = (
    aten.mean.dim, aten.mean.default, aten.sum.dim_IntList, aten.sum.default, aten.var.correction, aten.std.correction,
    aten.var.dim, aten.std.dim, aten.amax.default, aten.amin.default, aten.linalg_vector_norm.default,
)  # fmt: skip
SHAPE_RULES: dict[Any, Rule] = {
    **dict.fromkeys(SAME, _same),
    **dict.fromkeys(MAPS, _maps),
    **dict.fromkeys(REDUCTIONS, _reduced),
    **dict.fromkeys((*RESHAPES, aten.flatten.using_ints), _resized),
    **dict.fromkeys((aten.permute.default, aten.transpose.int, aten.t.default), _permuted),
    aten.pixel_shuffle.default: _shuffle,
    aten.pixel_unshuffle.default: _unshuffle,
    aten.glu.default: _glu,
    aten.unsqueeze.default: _unsqueezed,
    aten.squeeze.dim: _squeezed,
    aten.squeeze.dims: _squeezed,
    aten.expand.default: _expanded,
    aten.repeat.default: _repeated,
    aten.slice.Tensor: _sliced,
    aten.select.int: _selected,
    aten.unbind.int: _unbound,
    aten.flip.default: _flipped,
    aten.roll.default: _rolled,
    aten.index.Tensor: _picked,
    aten.index_select.default: _index_selected,
    aten.cat.default: _joined,
    aten.stack.default: _stacked,
    **dict.fromkeys((*SPLITS, aten.chunk.default), _parts),
}
