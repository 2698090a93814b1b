"""Training on random crops: a network that does the same everywhere learns as much from a part of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import fx

from edgegan.core.sampling import sample_inputs
from edgegan.graph.equivariance import tiling
from edgegan.graph.graph import Graph, copied, first_output

LEAST_SIDE, LEAST_CROP, WHOLE = 128, 64, 0.1
"""The least side of a picture that is cropped, of a crop, and the share of steps, the last ones, on whole pictures."""


@dataclass(frozen=True)
class Crops:
    """Squares of ``side`` pixels of the input ``name``, at multiples of ``stride``."""

    name: str
    side: int
    stride: int

    def cut(self, values: Mapping[str, np.ndarray], seed: list[int]) -> dict[str, np.ndarray]:
        """``values`` with the pictures, (N, C, H, W), cut at the same random place."""
        picture = values[self.name]
        random = np.random.default_rng(seed)
        top, left = (self.stride * random.integers(0, (n - self.side) // self.stride + 1) for n in picture.shape[2:])
        cut = picture[:, :, top : top + self.side, left : left + self.side]
        return {**values, self.name: np.ascontiguousarray(cut)}


def crops(graph: Graph, student: fx.GraphModule, images: np.ndarray | None) -> Crops | None:
    """How ``graph``'s pictures may be cropped for training; None where the network looks at the whole, knows its place,
    or is small; measured, and both networks tried on a crop."""
    image = next((each for each in graph.spec.inputs if each.kind == "image"), None)
    if image is None or min(image.shape[1:]) < LEAST_SIDE:
        return None
    values = sample_inputs(graph.spec.inputs, graph.batch, 1, None if images is None else images[: graph.batch])
    tiles, _ = tiling(graph, values)
    if tiles is None:
        return None
    side = -(-max(LEAST_CROP, 4 * tiles.margin) // tiles.stride) * tiles.stride
    if 2 * side > min(image.shape[1:]):
        return None
    found = Crops(image.name, side, tiles.stride)
    inputs = [torch.from_numpy(value) for value in found.cut(values, [0]).values()]
    wanted = [int(side * tiles.scale)] * 2
    # A captured module checks the sizes of its inputs; a copy of it does not.
    networks = copied(graph.module), student
    try:
        with torch.no_grad():
            sizes = [list(first_output(network(*inputs)).shape[2:]) for network in networks]
    except RuntimeError:
        return None
    return found if sizes == [wanted, wanted] else None
