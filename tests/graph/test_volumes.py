"""Samples out of volumes against PyTorch's own grid_sample, and on their way to the backends."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import grid_sample

from edgegan.graph.trace import functional
from edgegan.graph.volumes import samples_of

MODES, PADDINGS = ("bilinear", "nearest"), ("zeros", "border", "reflection")


@given(
    st.tuples(*[st.integers(1, 5)] * 3),
    st.tuples(*[st.integers(1, 4)] * 3),
    st.sampled_from(MODES),
    st.sampled_from(PADDINGS),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_samples_are_those_of_pytorch(sizes, places, mode, padding, align_corners, seed):
    torch.manual_seed(seed)
    volume, grid = torch.randn(2, 3, *sizes, dtype=torch.float64), 3 * torch.randn(2, *places, 3, dtype=torch.float64)
    wanted = grid_sample(volume, grid, mode, padding, align_corners)
    found = samples_of(volume, grid, MODES.index(mode), PADDINGS.index(padding), align_corners)
    torch.testing.assert_close(found, wanted)


class Turned(nn.Module):
    def forward(self, volume, grid):
        return grid_sample(volume, grid, align_corners=False)


def test_a_picture_stays_what_it_is_and_a_volume_does_not():
    def operators(*inputs):
        return {str(node.target) for node in functional(Turned(), inputs).graph.nodes if node.op == "call_function"}

    flat = operators(torch.randn(1, 2, 4, 5), torch.randn(1, 3, 3, 2))
    deep = operators(torch.randn(1, 2, 3, 4, 5), torch.randn(1, 3, 3, 3, 3))
    assert "aten.grid_sampler.default" in flat and not any("grid_sampler" in name for name in deep)
