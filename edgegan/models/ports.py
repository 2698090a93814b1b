"""Inputs and pictures of a file in its own layout, and as EdgeGAN has them: a batch first, then the channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

COLOURS = (1, 3, 4)


def is_picture_last(shape: Sequence[int]) -> bool:
    """Whether (H, W, C) without batch is a picture with its channels last."""
    return len(shape) == 3 and shape[-1] in COLOURS and shape[0] not in COLOURS


def picture_first(image: torch.Tensor) -> torch.Tensor:
    """A batch of pictures with their channels first, wherever the file has them."""
    return image.movedim(-1, 1) if image.ndim == 4 and is_picture_last(image.shape[1:]) else image


@dataclass(frozen=True)
class Port:
    """An input of the file as EdgeGAN sees it: ``shape`` without batch, pictures as (C, H, W). ``has_batch``: whether
    the file's own has one; ``is_channels_last``: whether it is (H, W, C)."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    has_batch: bool
    is_channels_last: bool

    @classmethod
    def of(
        cls,
        name: str,
        shape: tuple[int, ...],
        dtype: str,
        has_batch: bool,
        wanted: tuple[int, ...] | None,
        pictures: bool,
    ) -> Port:
        """Of an input that the file has in ``shape``: a picture with its channels last where ``wanted`` has them first,
        or, of an input for which nothing is wanted, where there are ``pictures``."""
        first = (*shape[-1:], *shape[:-1])
        last = is_picture_last(shape) and (wanted == first if wanted else pictures)
        return cls(name, first if last else shape, dtype, has_batch, last)

    def as_in_file(self, value: torch.Tensor) -> torch.Tensor:
        value = value.movedim(1, -1) if self.is_channels_last else value
        return value if self.has_batch else value[0]
