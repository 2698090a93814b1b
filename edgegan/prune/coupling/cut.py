"""A graph without some of its channels: weights in slices, and the sizes that its operators hold as numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import fx

from edgegan.graph.editing import arguments, input_of
from edgegan.graph.graph import copied
from edgegan.graph.operators import CONVOLUTIONS, RESHAPES, SPLITS, TRANSPOSED, VOLUMETRIC, VOLUMETRIC_TRANSPOSED, aten
from edgegan.prune.coupling.trace import Axes, Trace

Kept = Callable[[np.ndarray], np.ndarray]
"""Of an axis, whether each index stays."""
Sizes = Callable[[Trace, fx.Node, Kept], dict[str, Any]]
"""The arguments of an operator that change, by name."""


def without(trace: Trace, gone: np.ndarray) -> fx.GraphModule:
    """A copy of the traced module without the sets of atoms ``gone``; its nodes have no shapes yet."""
    module = copied(trace.module)
    before = {node.name: node for node in trace.module.graph.nodes}

    def kept(axis: np.ndarray) -> np.ndarray:
        return ~np.isin(trace.atoms.sets(axis), gone)

    for name, axes in trace.constants.items():
        _hold(module, name, axes, kept)
    for node in module.graph.nodes:
        if node.op == "call_function" and (sizes := SIZES.get(node.target)) is not None:
            _set(node, sizes(trace, before[node.name], kept))
    module.recompile()
    return module


def _hold(module: fx.GraphModule, name: str, axes: Axes, kept: Kept) -> None:
    owner, _, leaf = name.rpartition(".")
    holder = module.get_submodule(owner)
    value: torch.Tensor = getattr(holder, leaf)
    held = value.detach()
    for axis, atoms in enumerate(axes):
        stays = kept(atoms)
        if not stays.all():
            held = held.index_select(axis, torch.from_numpy(np.flatnonzero(stays)))
    if held.shape == value.shape:
        return
    if isinstance(value, torch.nn.Parameter):
        setattr(holder, leaf, torch.nn.Parameter(held, requires_grad=value.requires_grad))
    else:
        setattr(holder, leaf, held)


def _set(node: fx.Node, values: dict[str, Any]) -> None:
    """Give a call other arguments, by their names."""
    if "split_sizes" in values:
        node.target, node.args, node.kwargs = (
            aten.split_with_sizes.default,
            (input_of(node), values["split_sizes"], arguments(node)["dim"]),
            {},
        )
        return
    names = [parameter.name for parameter in node.target._schema.arguments]  # type: ignore[union-attr]
    for name, value in values.items():
        place = names.index(name)
        if place < len(node.args):
            node.update_arg(place, value)
        else:
            node.update_kwarg(name, value)


def _count(axes: Sequence[np.ndarray], kept: Kept) -> list[int]:
    return [int(kept(axis).sum()) for axis in axes]


def _own_sizes(name: str) -> Sizes:
    return lambda trace, node, kept: {name: _count(trace.of(node), kept)}


def _groups(trace: Trace, node: fx.Node, kept: Kept) -> dict[str, Any]:
    """Groups of a channel each go one by one; of wider groups each loses the same places."""
    groups, channels = arguments(node)["groups"], trace.of(input_of(node))[1]
    return {"groups": int(kept(channels).sum())} if groups == len(channels) > 1 else {}


def _norm_groups(trace: Trace, node: fx.Node, kept: Kept) -> dict[str, Any]:
    groups, channels = arguments(node)["num_groups"], trace.of(input_of(node))[1]
    return {"num_groups": int(kept(channels.reshape(groups, -1)[:, 0]).sum())} if groups > 1 else {}


def _normalized(trace: Trace, node: fx.Node, kept: Kept) -> dict[str, Any]:
    rank = len(arguments(node)["normalized_shape"])
    return {"normalized_shape": _count(trace.of(node)[-rank:], kept)}


def _slice(trace: Trace, node: fx.Node, kept: Kept) -> dict[str, Any]:
    call = arguments(node)
    stays = kept(trace.of(input_of(node))[call["dim"]])
    if stays.all():
        return {}
    first, last, _ = slice(call["start"], call["end"]).indices(len(stays))
    return {"start": int(stays[:first].sum()), "end": int(stays[:last].sum())}


def _parts(trace: Trace, node: fx.Node, kept: Kept) -> dict[str, Any]:
    """As they were called where the parts are as wide as each other, else by the width of each."""
    parts, axis = trace.axes[node], arguments(node)["dim"]
    assert isinstance(parts, list)
    sizes = [int(kept(part[axis]).sum()) for part in parts]
    if node.target is aten.split_with_sizes.default or len(set(sizes)) > 1:
        return {"split_sizes": sizes}
    return {"split_size": sizes[0]} if node.target is aten.split.Tensor else {}


SIZES: dict[Any, Sizes] = {
    **dict.fromkeys((*CONVOLUTIONS, *TRANSPOSED, *VOLUMETRIC, *VOLUMETRIC_TRANSPOSED), _groups),
    **{target: _own_sizes(target._schema.arguments[1].name) for target in RESHAPES},
    aten.expand.default: _own_sizes("size"),
    aten.group_norm.default: _norm_groups,
    aten.layer_norm.default: _normalized,
    aten.slice.Tensor: _slice,
    **dict.fromkeys((*SPLITS, aten.chunk.default), _parts),
}
