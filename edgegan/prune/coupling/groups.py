"""Channels in groups: those that run through the same axes of the same weights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import fx

from edgegan.prune.coupling.atoms import FIXED
from edgegan.prune.coupling.cut import without
from edgegan.prune.coupling.layers import LAYER_RULES
from edgegan.prune.coupling.shapes import SHAPE_RULES, is_pointwise, pointwise
from edgegan.prune.coupling.trace import Layer, Trace, traced


@dataclass(frozen=True)
class Group:
    """``channels``: the sets of atoms that can go, int64 (n,). ``axes``: by weight and axis, for each of its indices
    the place of its channel among them, -1 where it is another group's."""

    channels: np.ndarray
    axes: dict[tuple[str, int], np.ndarray]

    def __len__(self) -> int:
        return len(self.channels)

    def sums(self, name: str, axis: int, values: torch.Tensor) -> torch.Tensor:
        """Of ``values``, (..., indices), the sum over each channel's indices along that axis, (..., n)."""
        places = torch.from_numpy(self.axes[name, axis])
        mine = places >= 0
        total = torch.zeros(*values.shape[:-1], len(self), dtype=values.dtype)
        return total.index_add_(-1, places[mine], values[..., mine])


class Coupling:
    """What goes with what in ``module``, a captured graph."""

    def __init__(self, module: fx.GraphModule) -> None:
        named = {node.target for node in module.graph.nodes if node.op == "call_function"}
        rules = {**{target: pointwise for target in named if is_pointwise(target)}, **SHAPE_RULES, **LAYER_RULES}
        self._trace: Trace = traced(module, rules)

    def keep(self, names: Collection[str]) -> None:
        """Let layers of these names lose no output channel; before the groups are asked for."""
        for layer in self.layers:
            if layer.name in names:
                self._trace.fix(self._trace.constants[layer.weight][layer.outputs])

    @property
    def layers(self) -> list[Layer]:
        return self._trace.layers

    @property
    def scales(self) -> list[str]:
        """Scales of norms, a value for each channel."""
        return self._trace.scales

    @cached_property
    def groups(self) -> list[Group]:
        """In the order of the layers that they run through; what only ever adds to the picture is no channel."""
        sets = {
            (name, axis): self._trace.atoms.sets(atoms)
            for name, axes in self._trace.constants.items()
            for axis, atoms in enumerate(axes)
        }
        places: dict[int, list[tuple[str, int]]] = defaultdict(list)
        for place, found in sets.items():
            for number in np.unique(found).tolist():
                places[number].append(place)
        places.pop(FIXED, None)
        made = {(layer.weight, layer.outputs) for layer in self.layers}
        read = {(layer.weight, layer.inputs) for layer in self.layers}
        alike: dict[tuple[tuple[str, int], ...], list[int]] = defaultdict(list)
        for number, through in places.items():
            if made & set(through) and read & set(through):
                alike[tuple(through)].append(number)
        first = {layer.weight: place for place, layer in reversed(list(enumerate(self.layers)))}
        ordered = sorted(alike.items(), key=lambda each: min(first[name] for name, _ in each[0] if name in first))
        return [_group(np.array(numbers), through, sets) for through, numbers in ordered]

    def indices(self, layer: Layer, gone: np.ndarray) -> list[int]:
        """Which outputs of ``layer`` go with the channels ``gone``."""
        atoms = self._trace.constants[layer.weight][layer.outputs]
        return np.flatnonzero(np.isin(self._trace.atoms.sets(atoms), gone)).tolist()

    def without(self, gone: np.ndarray) -> fx.GraphModule:
        """A copy of the module that lacks the channels ``gone``, sets of atoms."""
        return without(self._trace, gone)


def _group(
    channels: np.ndarray, through: tuple[tuple[str, int], ...], sets: dict[tuple[str, int], np.ndarray]
) -> Group:
    channels = np.sort(channels)
    axes = {}
    for place in through:
        found = np.searchsorted(channels, sets[place]).clip(max=len(channels) - 1)
        axes[place] = np.where(channels[found] == sets[place], found, -1)
    return Group(channels, axes)
