"""Patches as slices and sums, against PyTorch's own unfold and fold."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import fold, unfold

from edgegan.graph.capture import capture
from edgegan.graph.operators import aten
from edgegan.graph.patches import MOST_SLICES, laid_over, patches_of, windows_of
from tests.conftest import PHOTO

pairs = st.tuples(st.integers(1, 5), st.integers(1, 5))
ONE = (1, 1)


@given(pairs, pairs, st.tuples(st.integers(0, 2), st.integers(0, 2)), st.tuples(st.integers(1, 12), st.integers(1, 12)))
def test_they_are_those_of_unfold_and_fold(kernel, stride, padding, size):
    assume(all(side + 2 * border >= taps for side, border, taps in zip(size, padding, kernel, strict=True)))
    picture = torch.randn(2, 3, *size)
    wanted = unfold(picture, kernel, 1, padding, stride)
    assert torch.equal(patches_of(picture, kernel, ONE, padding, stride), wanted)
    patches = torch.randn_like(wanted)
    whole = fold(patches, size, kernel, 1, padding, stride)
    torch.testing.assert_close(laid_over(patches, size, kernel, ONE, padding, stride), whole)


@given(st.integers(-3, 2), st.integers(1, 12), st.integers(1, 5), st.integers(1, 90))
def test_windows_are_those_of_the_method_unfold(axis, size, step, length):
    assume(size <= length)
    shape = [2, 3, 4]
    shape[axis] = length
    values = torch.randn(shape)
    made = windows_of(values, axis, size, step)
    assert made is NotImplemented or torch.equal(made, values.unfold(axis, size, step))
    assert made is not NotImplemented or min(size, (length - size) // step + 1) > MOST_SLICES


class Patchwork(nn.Module):
    """Overlapping patches that are mixed and laid over each other, as inpainting and vocoders' overlap-add do."""

    def __init__(self, dilation=1):
        super().__init__()
        self.dilation, self.mix = dilation, nn.Linear(27, 27)

    def forward(self, x):
        rows = unfold(x, 3, self.dilation, 1, 2).transpose(1, 2)
        return fold(self.mix(rows).transpose(1, 2), (16, 16), 3, self.dilation, 1, 2)


@pytest.mark.parametrize("dilation", [1, 2])
def test_a_captured_network_has_them_where_no_tap_is_left_out(dilation):
    torch.manual_seed(0)
    network, picture = Patchwork(dilation).eval(), torch.randn(1, 3, 16, 16)
    graph = capture(network, PHOTO)
    with torch.no_grad():
        wanted = network(picture).numpy()
    assert abs(graph.run({"x": picture.numpy()}) - wanted).max() < 1e-5
    folds = [n for n in graph.module.graph.nodes if n.target in (aten.im2col.default, aten.col2im.default)]
    assert len(folds) == (0 if dilation == 1 else 2)
