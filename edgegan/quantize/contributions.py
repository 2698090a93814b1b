"""What every layer's rounding does to the picture, all found from one pass over a few pictures.

Along the activations of the network with all its layers in int8, rounding place t adds e_t to what it rounds. To first
order the picture moves by the sum of J_t e_t, where J_t is how it follows that place. For a direction v of random signs
E[(v . J_t e_t)^2] = |J_t e_t|^2 (Hutchinson 1990), and v . J_t e_t = (J_t' v) . e_t: one backward pass gives it for all
places at once, and the square of its sum over several places is what those cost together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import fx
from torch.nn.functional import pad

from edgegan.graph.cost import is_large
from edgegan.graph.editing import input_of
from edgegan.graph.graph import first_output
from edgegan.metrics.pairwise import decibels
from edgegan.quantize.annotate import maker
from edgegan.quantize.layers import Layer
from edgegan.quantize.local import round_weight, weight_axis
from edgegan.quantize.sensitivity import Simulation, rounded

DIRECTIONS, FEW_DIRECTIONS = 8, 2
"""Random directions a picture, fewer for a large network; blocks of its places multiply them, for errors of places
apart are independent."""
BLOCKS = 4
"""Blocks along height and along width into which a layer's places are parted."""


@dataclass(frozen=True)
class Contributions:
    """``within``: (draws, layers), what rounding the input and the weights of each of ``layers`` gives in each random
    draw; ``behind``: what rounding its output gives, which stays as long as the layer or one of its ``readers`` is in
    int8. ``values``: of all draws' pictures together."""

    layers: list[Layer]
    within: np.ndarray
    behind: np.ndarray
    readers: dict[int, set[int]]
    values: float
    span: tuple[float, float]

    def error(self, rounded_layers: Collection[Layer]) -> float:
        """Mean squared error of the pictures with those layers in int8."""
        places = {layer.index for layer in rounded_layers}
        outputs = [layer.index for layer in self.layers if places & {layer.index, *self.readers.get(layer.index, ())}]
        moved = self.within[:, list(places)].sum(1) + self.behind[:, outputs].sum(1)
        return float((moved**2).sum() / self.values)

    def psnr_db(self, rounded_layers: Collection[Layer]) -> float:
        """PSNR of the pictures with those layers in int8."""
        return float(decibels(np.asarray(self.error(rounded_layers)), self.span))

    def alone(self) -> dict[Layer, float]:
        """Mean squared error that is each layer's own."""
        own = self.within + self.behind
        return {layer: float((own[:, layer.index] ** 2).sum() / self.values) for layer in self.layers}


def contributions(simulation: Simulation, inputs: Mapping[str, np.ndarray], seed: int = 0) -> Contributions:
    """What the layers of ``simulation`` do to the pictures for ``inputs``, whole batches of them."""
    graph, draws = simulation.graph, np.random.default_rng(seed)
    count = len(next(iter(inputs.values()))) // graph.batch
    within: list[np.ndarray] = []
    behind: list[np.ndarray] = []
    size, directions = 0, FEW_DIRECTIONS if is_large(graph) else DIRECTIONS
    for start in range(0, count * graph.batch, graph.batch):
        batch = [torch.from_numpy(inputs[s.name][start : start + graph.batch]) for s in graph.spec.inputs]
        tape = _Tape(simulation)
        image = first_output(tape.run(*batch))
        size += image.numel()
        for turn in range(directions):
            signs = torch.from_numpy(draws.choice(np.array([-1.0, 1.0], np.float32), tuple(image.shape)))
            moved = tape.moved(image, signs, last=turn == directions - 1)
            within.append(np.stack([moved[LAYER, node] for node in simulation.chosen], 1))
            behind.append(np.stack([moved[END, node] for node in simulation.ends], 1))
    return Contributions(
        simulation.layers,
        np.concatenate(within),
        np.concatenate(behind),
        _readers(simulation),
        float(size * directions),
        graph.spec.output_range,
    )


def _readers(simulation: Simulation) -> dict[int, set[int]]:
    """By a layer's index those of the layers that read what it gives, moved or through an activation."""
    index = {end: place for place, end in enumerate(simulation.ends)}
    readers: dict[int, set[int]] = {}
    for place, node in enumerate(simulation.chosen):
        source = maker(input_of(node))
        while source not in index and source.op == "call_function" and len(source.all_input_nodes) == 1:
            source = maker(source.all_input_nodes[0])
        if source in index:
            readers.setdefault(index[source], set()).add(place)
    return readers


LAYER, END = "layer", "end"
Place = tuple[str, fx.Node]
"""Where something is rounded: within a layer, by its node, or behind it, by the node that ends it."""


class _Tape(fx.Interpreter):
    """Computes the network with all its layers in int8, an offset of zero at every place by which the picture is
    differentiated; ``errors``: what rounding adds there."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(simulation.graph.module)
        self.simulation, self.ends = simulation, set(simulation.ends)
        self.offsets: dict[Place, torch.Tensor] = {}
        self.errors: dict[Place, torch.Tensor] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n in self.simulation.bits:
            value = self._with_error((LAYER, n), value, self._rounded_layer(n))
        if n in self.ends:
            value = self._with_error((END, n), value, rounded(value.detach(), *self.simulation.steps[n]))
        return value

    @torch.no_grad()
    def _rounded_layer(self, n: fx.Node) -> torch.Tensor:
        (source, kernel, *others), kwargs = self.fetch_args_kwargs_from_env(n)
        call: Any = n.target
        given = rounded(source, *self.simulation.steps[input_of(n)])
        result: torch.Tensor = call(
            given, round_weight(kernel, weight_axis(n), self.simulation.bits[n]), *others, **kwargs
        )
        return result

    def _with_error(self, place: Place, value: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        self.errors[place] = own - value.detach()
        self.offsets[place] = torch.zeros_like(value, requires_grad=True)
        return value + (self.errors[place] + self.offsets[place])

    def moved(self, image: torch.Tensor, signs: torch.Tensor, last: bool) -> dict[Place, np.ndarray]:
        """How far each place moves ``image`` along ``signs``, by blocks."""
        places = list(self.offsets)
        slopes = torch.autograd.grad(
            image, [self.offsets[p] for p in places], signs, retain_graph=not last, allow_unused=True
        )
        return {
            place: _in_blocks(self.errors[place] * (0.0 if slope is None else slope), len(image))
            for place, slope in zip(places, slopes, strict=True)
        }


def _in_blocks(values: torch.Tensor, samples: int) -> np.ndarray:
    """Sums of (N, C, places...) over the channels and each block of places, (N * BLOCKS ** 2,), N being ``samples``;
    the first block has all of a layer of fewer places. Where another axis is the first, as the windows or tokens of
    attention, values are taken as they lie, for those of one sample."""
    if len(values) != samples:
        blocks = torch.zeros(samples, BLOCKS**2)
        blocks[0] = _split(values.detach().flatten(), 0, BLOCKS**2).sum(1)
        return blocks.flatten().numpy()
    flat = values.detach().flatten(1) if values.ndim < 3 else values.detach().sum(1)
    places = flat.shape[1:]
    if values.ndim < 3 or prod(places) < BLOCKS**2 or (len(places) == 2 and min(places) < BLOCKS):
        whole = torch.zeros(len(flat), BLOCKS**2)
        whole[:, 0] = flat.flatten(1).sum(1)
        return whole.flatten().numpy()
    if len(places) != 2:
        flat = flat.flatten(1)
        return _split(flat, 1, BLOCKS**2).sum(2).flatten().numpy()
    rows = _split(flat, 1, BLOCKS).sum(2)
    return _split(rows, 2, BLOCKS).sum(3).flatten().numpy()


def _split(values: torch.Tensor, axis: int, count: int) -> torch.Tensor:
    """``axis`` as ``count`` blocks of its places, zeros behind the last."""
    size = -(-values.shape[axis] // count)
    missing = size * count - values.shape[axis]
    padded = pad(values, [0, 0] * (values.ndim - 1 - axis) + [0, missing])
    return padded.unflatten(axis, (count, size))
