"""Rewrites that move or merge operators, each drawn at random and compared with PyTorch's own, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from edgegan.graph.editing import is_call
from edgegan.graph.operators import UPSAMPLES, aten
from edgegan.graph.passes.absorb_padding import absorb_padding
from edgegan.graph.passes.activation_first import activation_first
from edgegan.graph.passes.conv_pool import conv_pool
from edgegan.graph.passes.fold_affine import fold_affine
from edgegan.graph.passes.powers import powers
from edgegan.graph.passes.rectified_layers import rectified_layers
from edgegan.graph.passes.shuffle_channels_last import shuffle_channels_last
from edgegan.graph.passes.sum_before_shuffle import sum_before_shuffle
from edgegan.graph.passes.upsample_late import upsample_late
from tests.graph.drawn import Code, check, rewritten

SEEDS = st.integers(0, 2**31)


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
@settings(max_examples=8, deadline=None)
@given(
    seed=SEEDS,
    groups=st.sampled_from([1, 2]),
    bias=st.booleans(),
    before=st.booleans(),
    operation=st.sampled_from(["mul", "div", "add", "sub", "rsub", "neg", "scalar"]),
)
def test_constants_join_the_layer(kind, seed, groups, bias, before, operation):
    torch.manual_seed(seed)
    layer = kind(4, 6, 3, padding=1, groups=groups, bias=bias)
    constant = torch.rand(1, 4 if before else 6, 1, 1) + 0.5
    functions = {
        "mul": lambda v, c: v * c,
        "div": lambda v, c: v / c,
        "add": lambda v, c: v + c,
        "sub": lambda v, c: v - c,
        "rsub": lambda v, c: c - v,
        "neg": lambda v, c: -v,
        "scalar": lambda v, c: 0.3 * v,
    }
    if before and operation in ("add", "sub", "rsub"):
        return
    function = functions[operation]
    module = Code(
        (lambda x, layer, c: layer(function(x, c))) if before else (lambda x, layer, c: function(layer(x), c)),
        constant,
        layer=layer,
    )
    assert len(check(module, (2, 4, 5, 6), step=fold_affine)) == 1


def test_an_add_before_a_padded_layer_stays():
    module = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1))
    _, count = rewritten(Code(lambda x, layer: layer(x + 1.0), layer=module[0]).eval(), (1, 2, 4, 4), step=fold_affine)
    assert count == 0


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS, factor=st.integers(2, 3), form=st.sampled_from(["interpolate", "repeat", "upsample"]))
def test_what_works_on_pixels_alone_works_before_upsampling(seed, factor, form):
    torch.manual_seed(seed)
    up = {
        "interpolate": lambda x: F.interpolate(x, scale_factor=factor),
        "repeat": lambda x: x.repeat_interleave(factor, dim=3).repeat_interleave(factor, dim=2),
        "upsample": nn.Upsample(scale_factor=factor),
    }[form]
    module = Code(
        lambda x, conv, norm: F.relu(norm(conv(F.leaky_relu(up(x), 0.2)) * 2.0)),
        conv=nn.Conv2d(3, 5, 1),
        norm=nn.PReLU(5),
    )
    left = check(module, (2, 3, 4, 3), step=upsample_late)
    assert left[-1] in UPSAMPLES


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("align_corners", [False, True])
def test_what_is_linear_works_before_pixels_are_mixed(mode, align_corners):
    up = nn.Upsample(scale_factor=2, mode=mode, align_corners=align_corners)
    module = Code(lambda x, c, conv: F.relu(conv(up(x) * 2.0) + c), torch.randn(1, 5, 1, 1), conv=nn.Conv2d(3, 5, 1))
    left = check(module, (2, 3, 4, 3), step=upsample_late)
    assert left[-2] not in (aten.conv2d.default, aten.add.Tensor) and left[-1] is aten.relu.default
    smaller = Code(lambda x, conv: conv(F.interpolate(x, size=(2, 2), mode=mode)), conv=nn.Conv2d(3, 5, 1)).eval()
    assert rewritten(smaller, (2, 3, 4, 4), step=upsample_late)[1] == 0


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS,
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 2),
    size=st.integers(7, 9),
    margins=st.tuples(*[st.integers(0, 3)] * 4),
)
def test_zeros_around_the_input_join_the_padding(seed, kernel, stride, padding, dilation, size, margins):
    torch.manual_seed(seed)
    module = Code(
        lambda x, layer: layer(F.pad(x, margins)), layer=nn.Conv2d(2, 3, kernel, stride, padding, dilation)
    ).eval()
    after, count = rewritten(module, (1, 2, size, size), step=absorb_padding)
    x = torch.randn(1, 2, size, size, dtype=torch.float64)
    torch.testing.assert_close(after(x), module.double()(x), rtol=0, atol=1e-10)
    if margins[0] == margins[1] and margins[2] == margins[3] and any(margins):
        assert count == 1 and not any(
            is_call(n, aten.pad.default, aten.constant_pad_nd.default) for n in after.graph.nodes
        )


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d, nn.Conv1d, nn.ConvTranspose1d])
@settings(max_examples=20, deadline=None)
@given(
    seed=SEEDS,
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 3),
    start=st.integers(0, 3),
    end=st.integers(0, 3),
)
def test_a_crop_joins_the_padding_of_the_layer_before(kind, seed, kernel, stride, padding, start, end):
    torch.manual_seed(seed)
    layer, shape = kind(2, 3, kernel, stride, padding), (1, 2, 9, 8)[: 3 if "1d" in kind.__name__ else 4]
    try:
        whole = layer(torch.zeros(shape)).shape[2]
    except RuntimeError:
        return
    if start + end >= whole:
        return
    module = Code(lambda x, layer: torch.tanh(torch.relu(layer(x))[:, :, start : whole - end]), layer=layer).eval()
    after, count = rewritten(module, shape, step=absorb_padding)
    x = torch.randn(shape, dtype=torch.float64)
    torch.testing.assert_close(after(x), module.double()(x), rtol=0, atol=1e-10)
    assert not (count and any(is_call(n, aten.slice.Tensor) for n in after.graph.nodes))
    if start == end and 0 < start <= padding and stride == 1 and "Transpose" not in kind.__name__:
        assert count == 1


def test_a_crop_that_others_read_uncropped_stays():
    module = Code(
        lambda x, layer: (lambda y: y[:, :, 1:-1].mean((2, 3), keepdim=True) + y)(layer(x)),
        layer=nn.Conv2d(2, 3, 3, padding=1),
    ).eval()
    assert rewritten(module, (1, 2, 6, 6), step=absorb_padding)[1] == 0


@settings(max_examples=8, deadline=None)
@given(
    seed=SEEDS,
    kernel=st.integers(1, 5),
    factor=st.integers(2, 3),
    padding=st.integers(0, 2),
    groups=st.sampled_from([1, 2]),
    bias=st.booleans(),
)
def test_average_pooling_joins_the_convolution(seed, kernel, factor, padding, groups, bias):
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Conv2d(4, 6, kernel, padding=padding, groups=groups, bias=bias), nn.AvgPool2d(factor))
    assert aten.avg_pool2d.default not in check(module, (2, 4, 11, 10), step=conv_pool)


def test_an_activation_goes_before_a_concatenation_where_it_then_fuses():
    module = Code(lambda x, a: F.relu(torch.cat([a(x), x], 1)), a=nn.Conv2d(3, 4, 3, padding=1))
    assert check(module, (2, 3, 6, 5), step=activation_first)[-1] is aten.cat.default
    _, count = rewritten(Code(lambda x: F.relu(torch.cat([x, 2 * x], 1))).eval(), (2, 3, 4, 4), step=activation_first)
    assert count == 0


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS, scale=st.integers(2, 4), channels=st.sampled_from([1, 3]))
def test_a_super_resolution_skip_needs_no_upsampling(seed, scale, channels):
    torch.manual_seed(seed)
    layer = nn.Conv2d(channels, channels * scale * scale, 3, padding=1)
    module = Code(lambda x, layer: F.pixel_shuffle(layer(x), scale) + F.interpolate(x, scale_factor=scale), layer=layer)
    left = check(module, (2, channels, 5, 4), step=sum_before_shuffle)
    assert not set(left) & set(UPSAMPLES) and left[-1] is aten.pixel_shuffle.default


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS, scale=st.integers(2, 3), shape=st.sampled_from(["layer", "activated", "sum", "scaled", "shared"]))
def test_shuffles_in_channels_last(seed, scale, shape):
    torch.manual_seed(seed)
    wide = 3 * scale * scale
    codes = {
        "layer": lambda x, a, b, p, c: a(x),
        "activated": lambda x, a, b, p, c: p(F.relu(a(x))),
        "sum": lambda x, a, b, p, c: a(x) + F.relu(b(x)),
        "scaled": lambda x, a, b, p, c: a(x) * c + 1.0,
        "shared": lambda x, a, b, p, c: F.relu(x.repeat(1, wide // 3, 1, 1)),
    }
    module = Code(
        lambda x, **layers: F.interpolate(F.pixel_shuffle(codes[shape](x, **layers), scale), scale_factor=2),
        torch.rand(wide, 1, 1),
        a=nn.Conv2d(3, wide, 3, padding=1),
        b=nn.Conv2d(3, wide, 1),
        p=nn.PReLU(wide),
    )
    left = check(module, (2, 3, 5, 4), step=shuffle_channels_last)
    assert aten.pixel_shuffle.default not in left and not set(left) & set(UPSAMPLES)


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS, low=st.sampled_from([-0.5, 0.0, 0.6, 1.1]), single=st.booleans())
def test_rectifiers_as_layers(seed, low, single):
    torch.manual_seed(seed)
    prelu = nn.PReLU(1 if single else 4)
    nn.init.uniform_(prelu.weight, low, low + 0.9)
    left = check(Code(lambda x, p: F.relu(p(x).abs() - 1) + F.relu(x), p=prelu), (2, 4, 3, 5), step=rectified_layers)
    assert aten.prelu.default not in left


def test_powers_as_products_and_roots():
    left = check(
        Code(lambda x: x**2 + x.square() + (x.abs() + 1) ** 0.5 + (x.abs() + 1) ** -0.5), (2, 3, 4), step=powers
    )
    assert aten.pow.Tensor_Scalar not in left
