"""Tiles against PyTorch's own convolutions over the whole picture."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from edgegan.core.errors import UsageError
from edgegan.core.tiling import Tiling
from edgegan.runtime.tiles import mosaic

SIDE = 24


def network(stride, scale):
    torch.manual_seed(0)
    up = nn.PixelShuffle(scale * stride)
    layers = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride, 1), nn.ReLU(), nn.Conv2d(8, 3 * (scale * stride) ** 2, 3, 1, 1), up
    )

    @torch.no_grad()
    def draw(tiles):
        values = torch.from_numpy(tiles).permute(0, 3, 1, 2).float() / 255
        pixels = (layers(values) + 0.5).clamp(0, 1) * 255
        return pixels.round().byte().permute(0, 2, 3, 1).numpy()

    return draw


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([(1, 1, 2), (2, 1, 4), (1, 3, 3), (4, 1, 8)]))
@settings(max_examples=60)
def test_tiles_are_the_whole_picture(height, width, case):
    stride, scale, margin = case
    picture = np.random.default_rng([height, width]).integers(0, 256, (height, width, 3), np.uint8)
    draw = network(stride, scale)
    tiling = Tiling(stride=stride, scale=Fraction(scale), margin=margin)
    plan = mosaic((height, width), (SIDE, SIDE), tiling)
    tiled = np.concatenate(list(plan.bands(picture, draw, batch=3)))
    padded = np.pad(picture, ((0, plan.rows.padded - height), (0, plan.columns.padded - width), (0, 0)), mode="edge")
    whole = draw(padded[None])[0][: height * scale, : width * scale]
    assert tiled.shape == (height * scale, width * scale, 3) == (*plan.shape, 3)
    assert np.abs(tiled.astype(int) - whole).max() <= 1


def test_a_smaller_scale():
    picture = np.random.default_rng(0).integers(0, 256, (71, 50, 3), np.uint8)
    tiling = Tiling(stride=2, scale=Fraction(1, 2), margin=4)
    plan = mosaic((71, 50), (SIDE, SIDE), tiling)
    bands = list(plan.bands(picture, lambda tiles: np.ascontiguousarray(tiles[:, ::2, ::2])))
    assert len(bands) == len(plan.rows.starts) > 1
    assert np.array_equal(np.concatenate(bands), picture[::2, ::2])


def test_what_lies_within_the_margin_is_not_used():
    def draw(tiles):
        spoilt = tiles.copy()
        spoilt[:, :4] = spoilt[:, -4:] = spoilt[:, :, :4] = spoilt[:, :, -4:] = 255
        return spoilt

    picture = np.zeros((100, 100, 3), np.uint8)
    tiled = np.concatenate(list(mosaic((100, 100), (SIDE, SIDE), Tiling(stride=1, scale=Fraction(1), margin=4)).bands(
        picture, draw
    )))  # fmt: skip
    assert not tiled[4:-4, 4:-4].any() and tiled[0].all() and tiled[:, -1].all()


def test_a_tile_of_margins_alone_is_refused():
    with pytest.raises(UsageError, match="overlap of 12 pixels"):
        mosaic((100, 100), (SIDE, SIDE), Tiling(stride=1, scale=Fraction(1), margin=12))
