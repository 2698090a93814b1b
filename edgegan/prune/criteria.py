"""What a channel is worth: from a group of coupled channels one number each; the least worth goes first.

``magnitude``: norm of all weights that it couples (Li et al. 2017, arXiv:1608.08710; over groups: Fang et al. 2023,
arXiv:2301.12900). ``gamma``: scale of its norms (Liu et al. 2017, arXiv:1708.06519), magnitude where a group has none.
``sensitivity``: how much the picture changes without it, to first order (after Molchanov et al. 2019,
arXiv:1906.10771). ``random``: the control.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.func import functional_call

from edgegan.core.sampling import sample_inputs
from edgegan.graph.graph import Graph, first_output
from edgegan.prune.coupling.groups import Coupling, Group

Criterion = Callable[[Group], torch.Tensor]
"""A number for each channel of a group."""
PROBES, SEED = 16, 4_000_037


def criterion(name: str, coupling: Coupling, graph: Graph, seed: int) -> Criterion:
    """The criterion of that name for the channels of ``graph``."""
    if name == "sensitivity":
        return _sensitivity(coupling, graph, seed)
    if name == "random":
        generator = torch.Generator().manual_seed(seed)
        return lambda group: torch.rand(len(group), generator=generator)
    weights = dict(graph.module.named_parameters()) | dict(graph.module.named_buffers())
    scales = {(name, 0): weights[name].detach().abs() for name in coupling.scales}
    kernels = {
        (layer.weight, axis): _along(weights[layer.weight].detach().square(), axis)
        for layer in coupling.layers
        for axis in (layer.outputs, layer.inputs)
    }
    norms = kernels | {place: value.square() for place, value in scales.items()}
    if name == "gamma":
        return lambda group: _mean(group, scales) if scales.keys() & group.axes.keys() else _mean(group, norms)
    return lambda group: _mean(group, norms)


def _along(values: torch.Tensor, axis: int) -> torch.Tensor:
    """Sums over all axes but one."""
    return values.movedim(axis, 0).flatten(1).sum(1)


def _mean(group: Group, values: dict[tuple[str, int], torch.Tensor]) -> torch.Tensor:
    found = [group.sums(*place, values[place]) for place in group.axes if place in values]
    return torch.stack(found).mean(0)


def _sensitivity(coupling: Coupling, graph: Graph, seed: int) -> Criterion:
    """E[(v . dG/dc)^2] over random signs v: for small changes the squared error of the picture when channel c is set to
    zero. dG/dc is the sum of weight times gradient over all that reads the channel."""
    held = {name: p.detach().requires_grad_(p.is_floating_point()) for name, p in graph.module.named_parameters()}
    readers = {(layer.weight, layer.inputs) for layer in coupling.layers if layer.weight in held}
    places = sorted(readers & {place for group in coupling.groups for place in group.axes})
    weights = {name: held[name] for name, _ in places}
    generator = torch.Generator().manual_seed(seed)
    effects: dict[tuple[str, int], list[torch.Tensor]] = {place: [] for place in places}
    for probe in range(PROBES):
        values = sample_inputs(graph.spec.inputs, graph.batch, SEED + seed + probe)
        inputs = tuple(torch.from_numpy(v) for v in values.values())
        picture = first_output(functional_call(graph.module, held, inputs))
        signs = torch.randint(0, 2, picture.shape, generator=generator) * 2.0 - 1
        slopes = torch.autograd.grad((picture * signs).sum(), list(weights.values()), materialize_grads=True)
        slope = dict(zip(weights, slopes, strict=True))
        for name, axis in places:
            effects[name, axis].append(_along(weights[name].detach() * slope[name], axis))
    stacked = {place: torch.stack(found) for place, found in effects.items()}

    def worth(group: Group) -> torch.Tensor:
        read = [group.sums(*place, stacked[place]) for place in group.axes if place in stacked]
        return torch.stack(read).sum(0).square().mean(0)

    return worth
