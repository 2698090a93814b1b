"""Values at computed places against PyTorch's own grid_sample, and what becomes of it on the way to the backends."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import grid_sample

from edgegan.graph.passes.warp_by_rows import warp_by_rows
from edgegan.graph.trace import functional
from edgegan.graph.warping import warped
from tests.graph.drawn import same_after

MODES, PADDINGS = ("bilinear", "nearest"), ("zeros", "border", "reflection")
HOW = {"mode": st.sampled_from(MODES), "padding": st.sampled_from(PADDINGS), "align_corners": st.booleans()}


@given(st.data(), st.integers(2, 3), st.integers(0, 2**31), *HOW.values())
def test_values_are_those_of_pytorch(data, axes, seed, mode, padding, align_corners):
    torch.manual_seed(seed)
    sizes, places = (data.draw(st.tuples(*[st.integers(1, 5)] * axes)) for _ in range(2))
    values, grid = (
        torch.randn(2, 3, *sizes, dtype=torch.float64),
        3 * torch.randn(2, *places, axes, dtype=torch.float64),
    )
    wanted = grid_sample(values, grid, mode, padding, align_corners)
    found = warped(values, grid, MODES.index(mode), PADDINGS.index(padding), align_corners)
    torch.testing.assert_close(found, wanted)


class Moved(nn.Module):
    def __init__(self, **how):
        super().__init__()
        self.how = how

    def forward(self, values, grid):
        return grid_sample(values, grid, **self.how)


def test_a_picture_stays_what_it_is_and_a_volume_does_not():
    def operators(*inputs):
        traced = functional(Moved(align_corners=False), inputs)
        return {str(node.target) for node in traced.graph.nodes if node.op == "call_function"}

    flat = operators(torch.randn(1, 2, 4, 5), torch.randn(1, 3, 3, 2))
    deep = operators(torch.randn(1, 2, 3, 4, 5), torch.randn(1, 3, 3, 3, 3))
    assert "aten.grid_sampler.default" in flat and not any("grid_sampler" in name for name in deep)


@settings(max_examples=20, deadline=None)
@given(batch=st.integers(1, 2), **HOW)
def test_a_picture_is_moved_by_rows(batch, mode, padding, align_corners):
    module = Moved(mode=mode, padding_mode=padding, align_corners=align_corners)
    _, count = same_after(module.eval(), (batch, 3, 4, 5), (batch, 6, 7, 2), step=warp_by_rows)
    assert count == 1


def test_bicubic_weights_stay():
    _, count = same_after(
        Moved(mode="bicubic", align_corners=False).eval(), (1, 3, 4, 5), (1, 6, 7, 2), step=warp_by_rows
    )
    assert count == 0
