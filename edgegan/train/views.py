"""What a picture becomes before the network sees it: a piece of it, its mirror image, and the input derived from it."""

from __future__ import annotations

import numpy as np

from edgegan.core.errors import UsageError
from edgegan.core.images import resized

GREY = np.uint8(128)
"""What hidden pixels show: the middle of the range."""


def augmented(picture: np.ndarray, size: tuple[int, int], crop: bool, flip: bool, key: tuple[int, ...]) -> np.ndarray:
    """uint8 (H, W, C) -> (*size, C): a random piece (``crop``), mirrored half of the time (``flip``); the same for a
    key."""
    if not (crop or flip):
        return picture
    rng = np.random.default_rng(key)
    if crop:
        top, left = (int(rng.integers(0, have - want + 1)) for have, want in zip(picture.shape[:2], size, strict=True))
        picture = picture[top : top + size[0], left : left + size[1]]
    return picture[:, ::-1] if flip and rng.random() < 0.5 else picture


def check_sizes(shapes: set[tuple[int, ...]], size: tuple[int, int], crop: bool, path: str) -> None:
    """UsageError where pictures kept in their own size do not fit the model's (height, width)."""
    if crop:
        small = [s for s in shapes if s[0] < size[0] or s[1] < size[1]]
        if small:
            raise UsageError(
                f"{path}: a picture of {small[0][0]}x{small[0][1]} is smaller than the {size[0]}x{size[1]} pieces that "
                "the model wants"
            )
    elif any(s[:2] != size for s in shapes):
        sizes = ", ".join(f"{h}x{w}" for h, w, *_ in sorted(shapes)[:3])
        raise UsageError(
            f"{path}: pictures of {sizes}, and the model wants {size[0]}x{size[1]}; set resize = true or crop = "
            "true in "
            "the recipe"
        )


def hidden(size: tuple[int, int], share: float, patch: int, key: tuple[int, ...]) -> np.ndarray:
    """bool (*size): ``share`` of the squares of ``patch`` pixels, at least one and not all, the same for a key."""
    rows, columns = (-(-length // patch) for length in size)
    count = min(max(1, round(share * rows * columns)), max(1, rows * columns - 1))
    chosen = np.zeros(rows * columns, bool)
    chosen[np.random.default_rng(key).permutation(rows * columns)[:count]] = True
    return chosen.reshape(rows, columns).repeat(patch, 0).repeat(patch, 1)[: size[0], : size[1]]


def edges(picture: np.ndarray) -> np.ndarray:
    """White lines on black where the brightness changes: Sobel's gradient above a fifth of its largest, uint8 (H, W,
    1)."""
    grey = np.pad(picture.astype(np.float32).mean(-1), 1, mode="edge")
    smooth_rows = grey[:-2] + 2 * grey[1:-1] + grey[2:]
    smooth_columns = grey[:, :-2] + 2 * grey[:, 1:-1] + grey[:, 2:]
    size = np.hypot(smooth_rows[:, 2:] - smooth_rows[:, :-2], smooth_columns[2:] - smooth_columns[:-2])
    return np.where(size > max(1.0, 0.2 * size.max()), 255, 0).astype(np.uint8)[..., None]


def derived(picture: np.ndarray, how: str, shape: tuple[int, ...]) -> np.ndarray:
    """The input of ``shape`` (channels, height, width) that belongs to a wanted output."""
    if how == "edges":
        return edges(picture).repeat(shape[0], axis=-1)
    return resized(np.ascontiguousarray(picture), (shape[1], shape[2]))
