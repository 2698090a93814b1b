"""The phase form against PyTorch's own transposed convolution, over drawn parameters, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from edgegan.graph.editing import is_call
from edgegan.graph.operators import TRANSPOSED, aten
from edgegan.graph.passes.phase_conv import (
    phase_conv,
    phase_conv_channels_last,
    phase_conv_split,
    phase_conv_split_channels_last,
)
from edgegan.graph.passes.pixel_linear import pixel_linear
from edgegan.graph.passes.upsample_conv import upsample_conv
from tests.graph.drawn import rewritten, rewritten_operator

FORMS = [phase_conv, phase_conv_split, phase_conv_channels_last, phase_conv_split_channels_last]


@st.composite
def transposed(draw, rank=2):
    """Constructor arguments, channels, spatial sizes, batch, seed."""
    axes = [(draw(st.integers(1, 7)), draw(st.integers(1, 4))) for _ in range(rank)]
    if draw(st.booleans()):
        axes = [axes[0]] * rank
    groups = draw(st.sampled_from([1, 1, 1, 2]))
    layer = {
        "kernel_size": tuple(k for k, _ in axes),
        "stride": tuple(s for _, s in axes),
        "padding": tuple(draw(st.integers(0, k - 1)) for k, _ in axes),
        "output_padding": tuple(draw(st.integers(0, s - 1)) for _, s in axes),
        "groups": groups,
        "bias": draw(st.booleans()),
    }
    size = tuple(draw(st.integers(2, 6)) for _ in range(rank))
    return (
        layer,
        groups * draw(st.integers(1, 3)),
        groups * draw(st.integers(1, 3)),
        size,
        draw(st.integers(1, 2)),
        draw(st.integers(0, 2**31)),
    )


def make(case):
    layer, inputs, outputs, size, batch, seed = case
    parts = zip(size, layer["stride"], layer["padding"], layer["kernel_size"], layer["output_padding"], strict=True)
    if min((n - 1) * s - 2 * p + k + q for n, s, p, k, q in parts) < 1:
        return None
    torch.manual_seed(seed)
    kind = nn.ConvTranspose2d if len(size) == 2 else nn.ConvTranspose1d
    return kind(inputs, outputs, **layer).double(), torch.randn(batch, inputs, *size, dtype=torch.float64)


def alone(module, x, step):
    """The layer as a graph of one node, after ``step``."""
    operator = aten.conv_transpose2d.input if x.ndim == 4 else aten.conv_transpose1d.default
    weights = {"weight": module.weight.detach(), "bias": None if module.bias is None else module.bias.detach()}
    settings_ = (list(module.stride), list(module.padding), list(module.output_padding), module.groups)
    return rewritten_operator(operator, x, weights, *settings_, step=step)


@pytest.mark.parametrize("step", FORMS)
@settings(max_examples=500, deadline=None)
@given(case=transposed() | transposed(rank=1))
def test_transposed_convolution_is_exact(case, step):
    made = make(case)
    if made is None:
        return
    module, x = made
    after, count = alone(module, x, step)
    assert count == 1 and (module(x) - after(x)).abs().max() < 1e-10
    assert not any(is_call(n, *TRANSPOSED) for n in after.graph.nodes)


@pytest.mark.parametrize(
    "kernel,stride,padding,extra",
    [(4, 2, 1, 0), (3, 2, 1, 1), (2, 2, 0, 0), (6, 2, 2, 0), (4, 2, 0, 0), (5, 2, 2, 1), (4, 4, 0, 0)],
)
@pytest.mark.parametrize("step", FORMS)
def test_the_forms_that_generators_use_are_all_rewritten(kernel, stride, padding, extra, step):
    module = nn.ConvTranspose2d(3, 5, kernel, stride, padding, extra).eval()
    x = torch.randn(2, 3, 7, 5, dtype=torch.float64)
    after, count = rewritten(module, tuple(x.shape), step=step)
    assert count == 1 and (module.double()(x) - after(x)).abs().max() < 1e-12


@settings(max_examples=200, deadline=None)
@given(transposed())
def test_a_one_pixel_input_becomes_a_linear_layer(case):
    layer, inputs, outputs, _, batch, seed = case
    made = make((layer | {"groups": 1}, inputs, outputs, (1, 1), batch, seed))
    if made is None:
        return
    module, x = made
    after, count = alone(module, x, pixel_linear)
    assert count == 1 and (module(x) - after(x)).abs().max() < 1e-10


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 4), st.sampled_from([1, 2, 3, 5]), st.booleans(), st.integers(2, 5), st.integers(0, 2**31))
def test_nearest_upsampling_and_convolution_become_one(factor, kernel, same, size, seed):
    torch.manual_seed(seed)
    module = nn.Sequential(
        nn.Upsample(scale_factor=factor, mode="nearest"),
        nn.Conv2d(3, 4, kernel, padding=(kernel - 1) // 2 if same else 0),
    ).eval()
    if factor * size < kernel:
        return
    x = torch.randn(1, 3, size, size + 1, dtype=torch.float64)
    after, count = rewritten(module, tuple(x.shape), step=upsample_conv)
    assert count == 1 and (module.double()(x) - after(x)).abs().max() < 1e-10


@settings(max_examples=80, deadline=None)
@given(
    factor=st.integers(2, 4),
    kernel=st.sampled_from([1, 3, 4, 5]),
    rows=st.integers(0, 5),
    columns=st.integers(0, 5),
    mode=st.sampled_from(["reflect", "replicate"]),
    size=st.integers(3, 5),
    seed=st.integers(0, 2**31),
)
def test_padding_by_a_map_s_own_edge_goes_before_its_upsampling(factor, kernel, rows, columns, mode, size, seed):
    class Padded(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, kernel)

        def forward(self, x):
            return self.conv(
                nn.functional.pad(
                    nn.functional.interpolate(x, scale_factor=factor), (columns, columns, rows, rows), mode=mode
                )
            )

    torch.manual_seed(seed)
    module, x = Padded().eval(), torch.randn(1, 3, size, size + 1, dtype=torch.float64)
    after, count = rewritten(module, tuple(x.shape), step=upsample_conv)
    assert count == (mode == "replicate" or max(rows, columns) < factor)
    assert (module.double()(x) - after(x)).abs().max() < 1e-10
