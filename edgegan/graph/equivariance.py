"""Does a translator of pictures do the same everywhere? Found by changing pictures and looking at what comes out.

A network f is equivariant to translations by s pixels where f(move(x, s)) = move(f(x), s) away from the borders, and
local where what is far away changes nothing. Then a picture of any size is the mosaic of its tiles' interiors.
Statistics of the whole picture (InstanceNorm, attention, squeeze-and-excitation) and layers that know their place break
it; strides and upsampling restrict s to multiples.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil

import numpy as np

from edgegan.core.spec import TensorSpec
from edgegan.core.tiling import Tiling
from edgegan.graph.graph import Graph

LEVEL = 0.5 / 255
"""Share of the output range below which two pictures of 8 bits are the same."""
STRIDES = (32, 16, 8, 4, 2, 1)
INTERIOR = Fraction(1, 4)
"""Share of a tile's side that must be free of its borders' influence, or tiles cost more than they give."""


def tiling(graph: Graph, inputs: Mapping[str, np.ndarray]) -> tuple[Tiling | None, str]:
    """How pictures of any size may be cut for ``graph``, and a sentence on it; None where they may not.

    ``inputs``: one or more samples by name, the picture among them as float32 (N, C, H, W).
    """
    image = next((i for i in graph.spec.inputs if i.kind == "image"), None)
    shape = graph.output_shape
    if image is None or len(shape) != 4:
        return None, "no picture goes in, or none comes out"
    scales = {Fraction(out, given) for out, given in zip(shape[2:], image.shape[1:], strict=True)}
    if len(scales) > 1:
        return None, "height and width are scaled differently"
    scale = scales.pop()
    still = graph.run(inputs)
    reach = _reach(graph, inputs, image, still, scale)
    stride: int | None = None
    for move in _moves(image, scale) if reach is not None else ():
        blurred = _margin(_moved(graph, inputs, image, still, move, int(move * scale)))
        if blurred is None:
            break
        stride, reach = move, max(reach or 0, blurred)
    if stride is None or reach is None:
        return None, (
            "what is drawn depends on nearly the whole picture, or on the place in it: with another border, or moved "
            "by some pixels, the middle is drawn differently"
        )
    margin, side = ceil(reach / scale), min(image.shape[1:])
    if side - 2 * margin < max(int(side * INTERIOR), stride):
        return None, f"each pixel is drawn from more than {margin} pixels around it, and the picture has {side}"
    field = _receptive_field(graph, inputs, image, still)
    return (
        Tiling(stride=stride, scale=scale, margin=margin, receptive_field=field),
        f"pictures of any size are drawn in tiles: {margin} pixels at their borders are left out, scale {scale}",
    )


def _moves(image: TensorSpec, scale: Fraction) -> list[int]:
    """By how much pictures are moved, less and less: by whole output pixels, and less than a fourth of the side."""
    return [s for s in STRIDES if (s * scale).denominator == 1 and 4 * s <= min(image.shape[1:])]


def _moved(
    graph: Graph, inputs: Mapping[str, np.ndarray], image: TensorSpec, still: np.ndarray, move: int, shift: int
) -> np.ndarray:
    """How differently a picture moved by ``move`` both ways is drawn, by distance (output pixels) from a border."""
    moved = graph.run({**inputs, image.name: np.roll(inputs[image.name], (move, move), axis=(2, 3))})
    difference = _difference(graph, moved[:, :, shift:, shift:], still[:, :, :-shift, :-shift])
    rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]) for n in difference.shape)
    return _by_distance(difference, np.minimum(rows[:, None], columns[None]))


def _reach(
    graph: Graph, inputs: Mapping[str, np.ndarray], image: TensorSpec, still: np.ndarray, scale: Fraction
) -> int | None:
    """How many output pixels far the last fourth of rows and columns is seen, when it is turned to its negative; None
    where it is seen everywhere. (Moving alone keeps a picture's mean.)"""
    assert image.range is not None
    first = [side * 3 // 4 for side in image.shape[1:]]
    changed = sum(image.range) - inputs[image.name]
    changed[:, :, : first[0], : first[1]] = inputs[image.name][:, :, : first[0], : first[1]]
    height, width = (int(side * scale) for side in first)
    seen = _difference(graph, graph.run({**inputs, image.name: changed}), still)[:height, :width]
    return _margin(_by_distance(seen, np.minimum(np.arange(height)[::-1, None], np.arange(width)[::-1])))


def _difference(graph: Graph, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(H, W), as a share of the output range."""
    low, high = graph.spec.output_range
    return np.abs(one - other).max(axis=(0, 1)) / (high - low)


def _margin(by_distance: np.ndarray) -> int | None:
    """The least distance from which on no difference is seen; None where there is none."""
    seen = np.nonzero(by_distance > LEVEL)[0]
    least = int(seen[-1]) + 1 if len(seen) else 0
    return least if least < len(by_distance) else None


def _by_distance(difference: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """The largest of ``difference`` at each ``distance``."""
    largest = np.zeros(int(distance.max()) + 1)
    np.maximum.at(largest, distance, difference)
    return largest


def _receptive_field(
    graph: Graph, inputs: Mapping[str, np.ndarray], image: TensorSpec, still: np.ndarray
) -> int | None:
    """Input pixels, from side to side, over which a change of the middle one spreads; None where it reaches a
    border."""
    height, width = image.shape[1:]
    changed = inputs[image.name].copy()
    assert image.range is not None
    changed[:, :, height // 2, width // 2] = sum(image.range) - changed[:, :, height // 2, width // 2]
    differs = (still != graph.run({**inputs, image.name: changed})).any(axis=(0, 1))
    rows, columns = np.nonzero(differs)
    if not len(rows):
        return None
    sides = (rows.min(), columns.min(), differs.shape[0] - 1 - rows.max(), differs.shape[1] - 1 - columns.max())
    if min(sides) == 0:
        return None
    scale = Fraction(differs.shape[0], height)
    return ceil((1 + max(int(np.ptp(rows)), int(np.ptp(columns)))) / scale)
