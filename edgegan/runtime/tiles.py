"""Pictures of any size through a generator of a fixed one: tiles that overlap, each fading in over the one before.

Where two tiles overlap, ``margin`` pixels along either border are not used, since the network saw a border there that
is none; in the middle of what is left one tile fades into the next. Memory is that of one row of tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np

from edgegan.core.errors import UsageError
from edgegan.core.tiling import Tiling

Draw = Callable[[np.ndarray], np.ndarray]
"""uint8 (N, h, w, C) tiles -> uint8 (N, h', w', C')."""
FADE = 8
"""Input pixels over which one tile fades into the next, where there is room."""


@dataclass(frozen=True)
class Axis:
    """Where tiles begin along one side of a picture of ``length`` input pixels, padded to ``padded`` of them."""

    length: int
    padded: int
    tile: int
    starts: tuple[int, ...]
    tiling: Tiling

    def scaled(self, pixels: int) -> int:
        """Output pixels for so many input pixels."""
        return ceil(pixels * self.tiling.scale)

    def fade(self, index: int) -> tuple[int, int, np.ndarray]:
        """Of tile ``index`` the output pixels, from the first to before the second, over which it fades in, and how
        much each of them counts."""
        if index == 0:
            return 0, 0, np.ones(0, np.float32)
        overlap = self.starts[index - 1] + self.tile - self.starts[index]
        inner = min(FADE, overlap - 2 * self.tiling.margin)
        begin, end = self.scaled((overlap - inner) // 2), self.scaled((overlap + inner) // 2)
        return begin, end, (np.arange(end - begin, dtype=np.float32) + 0.5) / max(1, end - begin)


def axis(length: int, tile: int, tiling: Tiling) -> Axis:
    """Tiles over ``length`` pixels. UsageError where a tile is all margin."""
    fade = min(FADE, max(0, (tile - 2 * tiling.margin) // 4))
    step = (tile - 2 * tiling.margin - fade) // tiling.stride * tiling.stride
    if step < 1:
        raise UsageError(f"an overlap of {tiling.margin} pixels on each side leaves nothing of tiles of {tile}")
    further = ceil(max(0, length - tile) / tiling.stride) * tiling.stride
    return Axis(length, further + tile, tile, (*range(0, further, step), further), tiling)


@dataclass(frozen=True)
class Mosaic:
    """A picture's tiles, row by row."""

    rows: Axis
    columns: Axis

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of what comes out."""
        return self.rows.scaled(self.rows.length), self.columns.scaled(self.columns.length)

    def bands(self, picture: np.ndarray, draw: Draw, batch: int = 1) -> Iterator[np.ndarray]:
        """uint8 (H, W, C) in; what comes out, as uint8 (h, W', C') from the top, each as soon as nothing changes it.
        ``draw`` is given at most ``batch`` tiles at once."""
        pending: np.ndarray | None = None
        for index, start in enumerate(self.rows.starts):
            strip = self._strip(picture, start, draw, batch)
            if pending is not None:
                begin, end, share = self.rows.fade(index)
                strip[begin:end] = _mixed(pending[begin:end], strip[begin:end], share[:, None, None])
                strip[:begin] = pending[:begin]
            is_last = index + 1 == len(self.rows.starts)
            following = self.rows.length if is_last else self.rows.starts[index + 1]
            ready = self.rows.scaled(following) - self.rows.scaled(start)
            yield np.ascontiguousarray(strip[:ready, : self.shape[1]])
            pending = strip[ready:]

    def _strip(self, picture: np.ndarray, top: int, draw: Draw, batch: int) -> np.ndarray:
        """One row of tiles, blended from left to right: uint8 (h', padded W', C')."""
        part = _padded(picture[top : top + self.rows.tile], self.rows.tile, self.columns.padded)
        strip: np.ndarray | None = None
        for first in range(0, len(self.columns.starts), batch):
            lefts = self.columns.starts[first : first + batch]
            drawn = draw(np.stack([part[:, left : left + self.columns.tile] for left in lefts]))
            if strip is None:
                width = self.columns.scaled(self.columns.padded)
                strip = np.empty((drawn.shape[1], width, drawn.shape[3]), np.uint8)
            for index, (left, tile) in enumerate(zip(lefts, drawn, strict=True), first):
                place = strip[:, self.columns.scaled(left) :][:, : tile.shape[1]]
                begin, end, share = self.columns.fade(index)
                place[:, begin:end] = _mixed(place[:, begin:end], tile[:, begin:end], share[:, None])
                place[:, end:] = tile[:, end:]
        assert strip is not None
        return strip


def mosaic(size: tuple[int, int], tile: tuple[int, int], tiling: Tiling) -> Mosaic:
    """The tiles of a picture of ``size`` (height, width) for a generator that takes ``tile``."""
    return Mosaic(axis(size[0], tile[0], tiling), axis(size[1], tile[1], tiling))


def _mixed(old: np.ndarray, new: np.ndarray, share: np.ndarray) -> np.ndarray:
    """uint8, ``share`` of it new."""
    return np.rint(old * (1 - share) + new * share).astype(np.uint8)


def _padded(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """``picture`` with its last row and column repeated."""
    missing = ((0, height - picture.shape[0]), (0, width - picture.shape[1]), (0, 0))
    return np.pad(picture, missing, mode="edge") if any(m for _, m in missing) else picture
