"""A picture of any size through a generator of a fixed one: in tiles, resized, in a letterbox, or cropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

import numpy as np

from edgegan.core.errors import UsageError
from edgegan.core.tiling import Tiling
from edgegan.media.pictures import resized
from edgegan.runtime.generator import Generator

FITS = ("auto", "tile", "resize", "letterbox", "crop")
STRIDE = 32
"""Where tiles may begin if nobody measured it: what few networks exceed."""


@dataclass(frozen=True)
class Fit:
    """How pictures go through ``generator``. ``way`` is one of FITS but ``auto``."""

    generator: Generator
    way: str
    seed: int
    tiling: Tiling | None

    @property
    def scale(self) -> tuple[Fraction, Fraction]:
        """Output pixels for an input pixel, down and across."""
        (height, width, _), out = self.generator.image_shape, self.generator.manifest.output_shape
        return Fraction(out[1], height), Fraction(out[2], width)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what comes out for a picture of so many pixels."""
        if self.way == "crop":
            return self.generator.manifest.output_shape[1], self.generator.manifest.output_shape[2]
        down, across = self.scale
        return max(1, ceil(height * down)), max(1, ceil(width * across))

    def bands(self, pixels: np.ndarray) -> Iterator[np.ndarray]:
        """uint8 (H, W, C) in, uint8 (h, W', C') out from the top, ``size`` together."""
        height, width, _ = self.generator.image_shape
        size = self.size(*pixels.shape[:2])
        if pixels.shape[:2] == (height, width):
            yield self.generator(pixels, self.seed)
        elif self.way == "tile":
            yield from self.generator.bands(pixels, self.seed, self.tiling)
        elif self.way == "letterbox":
            yield self._letterboxed(pixels, size)
        elif self.way == "crop":
            yield self.generator(resized(_cropped(pixels, height, width), (height, width)), self.seed)
        else:
            yield resized(self.generator(resized(pixels, (height, width)), self.seed), size)

    def _letterboxed(self, pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        height, width, _ = self.generator.image_shape
        factor = min(height / pixels.shape[0], width / pixels.shape[1])
        inner = max(1, round(pixels.shape[0] * factor)), max(1, round(pixels.shape[1] * factor))
        small = resized(pixels, inner)
        top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
        sides = ((top, height - inner[0] - top), (left, width - inner[1] - left), (0, 0))
        drawn = self.generator(np.pad(small, sides, mode="edge"), self.seed)
        down, across = self.scale
        first_row, first_column = int(top * down), int(left * across)
        rows = slice(first_row, first_row + max(1, int(inner[0] * down)))
        columns = slice(first_column, first_column + max(1, int(inner[1] * across)))
        return resized(np.ascontiguousarray(drawn[rows, columns]), size)


def fitting(generator: Generator, way: str, overlap: int | None, seed: int) -> tuple[Fit, tuple[str, ...]]:
    """The way that was asked for, or for ``auto`` tiles where the manifest says how to cut and resizing elsewhere, and
    what there is to say of it. ``overlap``: input pixels at a tile's inner borders that are not used, instead of the
    manifest's. Raises UsageError."""
    if way not in FITS:
        raise UsageError(f"--fit {way}: one of {', '.join(FITS)}")
    tiling = generator.tiling
    if overlap is not None and way in ("auto", "tile"):
        tiling = replace(tiling, margin=overlap) if tiling else _assumed(generator, overlap)
    if way == "tile" and tiling is None:
        raise UsageError(
            f"--fit tile: {_why(generator)}; give --overlap N to cut all the same, or --fit resize, letterbox or crop"
        )
    if way != "auto":
        return Fit(generator, way, seed, tiling), ()
    if tiling is not None:
        return Fit(generator, "tile", seed, tiling), ()
    return Fit(generator, "resize", seed, None), (f"pictures of other sizes are resized: {_why(generator)}",)


def _assumed(generator: Generator, overlap: int) -> Tiling:
    (height, width, _), out = generator.image_shape, generator.manifest.output_shape
    scale = Fraction(out[1], height)
    if scale != Fraction(out[2], width):
        raise UsageError("--overlap: height and width are scaled differently, so tiles do not fit together")
    stride = STRIDE
    while stride > max(1, (min(height, width) - 2 * overlap) // 2):
        stride //= 2
    if (stride * scale).denominator > 1:
        raise UsageError(f"--overlap {overlap}: too much for pictures of {width}x{height} at a scale of {scale}")
    return Tiling(stride=stride, scale=scale, margin=overlap)


def _why(generator: Generator) -> str:
    return str(generator.manifest.content.get("tiling_reason", "the manifest does not say how to cut them into tiles"))


def _cropped(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The largest middle part of the proportions of ``height`` to ``width``."""
    rows = min(pixels.shape[0], max(1, round(pixels.shape[1] * height / width)))
    columns = min(pixels.shape[1], max(1, round(pixels.shape[0] * width / height)))
    top, left = (pixels.shape[0] - rows) // 2, (pixels.shape[1] - columns) // 2
    return np.ascontiguousarray(pixels[top : top + rows, left : left + columns])
