"""Code that takes tensors apart and puts them together again, as public StyleGAN2 code does: what moves where is found,
not matched."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from edgegan.graph.editing import is_call, shape
from edgegan.graph.operators import aten
from edgegan.graph.passes.broadcast_by_arithmetic import broadcast_by_arithmetic
from edgegan.graph.passes.depth_as_channels import depth_as_channels
from edgegan.graph.passes.drop_identities import drop_identities
from edgegan.graph.passes.fold_constants import fold_constants
from edgegan.graph.passes.matrix_linear import matrix_linear
from edgegan.graph.passes.modulated_conv import modulated_conv
from edgegan.graph.passes.select_before_reshape import select_before_reshape
from edgegan.graph.passes.spread_input import spread_input
from edgegan.graph.passes.strided_slices import strided_slices
from tests.graph.drawn import Code, check, rewritten, same_after

SEEDS = st.integers(0, 2**31)


class Modulated(nn.Module):
    """The ways in which public StyleGAN2 code writes its layer."""

    def __init__(self, form, up):
        super().__init__()
        self.form, self.up = form, up
        self.weight, self.style = nn.Parameter(torch.randn(5, 3, 3, 3)), nn.Linear(4, 3)

    def forward(self, x, z):
        batch, channels, height, width = x.shape
        style = self.style(z)
        if self.form == "product":
            weight = self.weight[None] * style.view(batch, 1, channels, 1, 1)
            weight = weight * torch.rsqrt(weight.pow(2).sum([2, 3, 4]) + 1e-8).view(batch, -1, 1, 1, 1)
        elif self.form == "keepdim":
            weight = self.weight[None] * (style[:, None, :, None, None] + 1)
            weight = weight * torch.rsqrt((weight**2).sum(dim=(2, 3, 4), keepdim=True) + 1e-8)
        elif self.form == "quotient":
            weight = self.weight.unsqueeze(0) * style.reshape(batch, 1, -1, 1, 1)
            weight = weight / (weight.square().sum([2, 3, 4], keepdim=True) + 1e-8).sqrt()
        else:
            weight = 0.5 * self.weight[None] * style.view(batch, 1, channels, 1, 1)
        if self.up and self.form == "plain":
            weight = weight.reshape(batch * 5, channels, 3, 3)
            weight = (
                weight.transpose(0, 1)
                if batch == 1
                else weight.view(batch, 5, channels, 3, 3).transpose(1, 2).reshape(batch * channels, 5, 3, 3)
            )
        elif self.up:
            weight = weight.transpose(1, 2).reshape(batch * channels, 5, 3, 3)
        if self.up:
            y = F.conv_transpose2d(x.reshape(1, -1, height, width), weight, stride=2, groups=batch)
        else:
            y = F.conv2d(x.reshape(1, -1, height, width), weight.reshape(-1, channels, 3, 3), padding=1, groups=batch)
        return y.reshape(batch, -1, *y.shape[2:])


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("form", ["product", "keepdim", "quotient", "plain"])
def test_modulation_moves_to_activations(form, batch, up):
    def step(graph):
        drop_identities(graph)
        fold_constants(graph)
        return modulated_conv(graph)

    torch.manual_seed(0)
    after, count = rewritten(Modulated(form, up).eval(), (batch, 3, 6, 5), (batch, 4), step=step)
    torch.manual_seed(0)
    module, x, z = (
        Modulated(form, up).double(),
        torch.randn(batch, 3, 6, 5, dtype=torch.float64),
        torch.randn(batch, 4, dtype=torch.float64),
    )
    assert count == (1 if form == "plain" else 2) and (module(x, z) - after(x, z)).abs().max() < 1e-10
    layer = next(n for n in after.graph.nodes if is_call(n, aten.conv2d.default, aten.conv_transpose2d.input))
    assert layer.args[1].op == "get_attr"


def test_a_weight_moved_in_another_order_is_left_alone():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.style = nn.Parameter(torch.randn(3, 3, 3, 3)), nn.Linear(4, 3)

        def forward(self, x, z):
            weight = self.weight[None] * self.style(z).view(1, 1, 3, 1, 1)
            return F.conv2d(x, weight.transpose(1, 2).reshape(3, 3, 3, 3))

    _, count = rewritten(Mixed().eval(), (1, 3, 6, 5), (1, 4), step=modulated_conv)
    assert count == 0


def filtered_by_rows(x, kernel, up, before, after):
    """Channels as batch rows, zeros between pixels in a tensor of five dimensions, one filter for all."""
    batch, channels, height, width = x.shape
    y = F.pad(x.reshape(-1, height, 1, width, 1), [0, up - 1, 0, 0, 0, up - 1]).view(-1, height * up, width * up, 1)
    y = F.pad(y, [0, 0, before, after, before, after]).permute(0, 3, 1, 2)
    y = F.conv2d(y.reshape(-1, 1, *y.shape[2:]), kernel[None, None])
    return y.permute(0, 2, 3, 1).view(batch, channels, *y.shape[2:])


def filtered_by_groups(x, kernel, up, before, after):
    """Zeros between pixels in a tensor of six dimensions, the filter repeated for every channel."""
    batch, channels, height, width = x.shape
    y = F.pad(x.reshape(batch, channels, height, 1, width, 1), [0, up - 1, 0, 0, 0, up - 1]).reshape(
        batch, channels, height * up, width * up
    )
    return F.conv2d(
        F.pad(y, [before, after, before, after]), kernel[None, None].repeat(channels, 1, 1, 1), groups=channels
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    form=st.sampled_from([filtered_by_rows, filtered_by_groups]),
    batch=st.integers(1, 2),
    up=st.integers(1, 3),
    taps=st.integers(1, 5),
    before=st.integers(0, 4),
    after=st.integers(0, 4),
)
def test_filters_that_spread_pixels_apart_become_one_layer(seed, form, batch, up, taps, before, after):
    torch.manual_seed(seed)
    kernel = torch.randn(taps, taps, dtype=torch.float64)
    if 3 * up + before + after < taps:
        return
    module = Code(lambda x, c: form(x, c, up, before, after), constant=kernel).eval()

    def step(graph):
        drop_identities(graph)
        fold_constants(graph)
        return spread_input(graph)

    left, count = same_after(module, (batch, 3, 3, 4), step=step)
    if up > 1 and before == taps // 2 and after == taps - 1 - taps // 2:
        assert count == 1 and not any(is_call(n, aten.pad.default) for n in left.graph.nodes)


def filtered_by_axes(x, taps, up, down, before, after):
    """As StyleGAN3's public code has it: across, then down, then pixels thrown away."""
    batch, channels, height, width = x.shape
    y = F.pad(x.reshape(batch, channels, height, 1, width, 1), [0, up - 1, 0, 0, 0, up - 1])
    y = F.pad(y.reshape(batch, channels, height * up, width * up), [before, after, before, after])
    kernel = taps[None, None].repeat([channels, 1, 1])
    y = F.conv2d(F.conv2d(y, kernel.unsqueeze(2), groups=channels), kernel.unsqueeze(3), groups=channels)
    return y[:, :, ::down, ::down]


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS,
    batch=st.integers(1, 2),
    up=st.integers(1, 3),
    down=st.integers(1, 3),
    taps=st.integers(2, 5),
    before=st.integers(0, 4),
    after=st.integers(0, 4),
)
def test_filters_of_one_axis_each_become_a_layer_of_each(seed, batch, up, down, taps, before, after):
    if 3 * up + before + after < taps:
        return
    torch.manual_seed(seed)
    kernel = torch.randn(taps, dtype=torch.float64)
    module = Code(lambda x, c: filtered_by_axes(x, c, up, down, before, after), constant=kernel).eval()

    def step(graph):
        drop_identities(graph)
        fold_constants(graph)
        return spread_input(graph) + strided_slices(graph)

    left, count = same_after(module, (batch, 3, 3, 4), step=step)
    if down > 1 and up == 1:
        assert count and not any(is_call(n, aten.slice.Tensor) for n in left.graph.nodes)
    if up > 1 and before == taps // 2 and after == taps - 1 - taps // 2:
        assert sum(is_call(n, aten.conv_transpose2d.input) for n in left.graph.nodes) == 2


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS,
    batch=st.integers(1, 2),
    before=st.sampled_from([(), (3,), (1, 2)]),
    parts=st.integers(1, 4),
    rest=st.sampled_from([(2, 3), (4, 1), (2,)]),
)
def test_one_part_of_a_split_axis_is_a_slice_before_the_split(seed, batch, before, parts, rest):
    torch.manual_seed(seed)
    index, axis = seed % parts - parts * (seed % 2), 1 + len(before)
    together = [batch, *before, parts * math.prod(rest), 5]
    apart = [batch, *before, parts, *rest, 5]

    def body(x):
        given = x.reshape(together)
        return given.reshape(apart).select(axis, index).reshape(batch, -1, 5, 1)

    size = math.prod(before) * parts * math.prod(rest)
    left, count = same_after(Code(body).eval(), (batch, size, 5, 1), step=select_before_reshape)
    assert count == (len(apart) > 4)
    assert not count or all(len(shape(n)) <= max(4, len(apart) - 1) for n in left.graph.nodes if n.op != "output")


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, operation=st.sampled_from([torch.mul, torch.sub, torch.div]), channels=st.sampled_from([1, 3]))
def test_arithmetic_spreads_what_it_is_given_by_itself(seed, operation, channels):
    torch.manual_seed(seed)
    layer = nn.Conv2d(3, 3, 3, padding=1)

    def body(x, mask, layer):
        spread = (mask[:, :1] + 2).expand(-1, 3, -1, -1)
        return operation(x[:, :channels] * torch.ones(1, 3, 1, 1), spread) + layer(spread)

    left, count = same_after(Code(body, layer=layer).eval(), (2, 3, 4, 4), (2, 1, 4, 4), step=broadcast_by_arithmetic)
    assert count == 2 and not any(is_call(n, aten.expand.default) for n in left.graph.nodes)


@settings(max_examples=30, deadline=None)
@given(
    seed=SEEDS,
    kernel=st.tuples(*[st.integers(1, 3)] * 3),
    stride=st.tuples(*[st.integers(1, 2)] * 3),
    padding=st.tuples(*[st.integers(0, 2)] * 3),
    dilation=st.tuples(*[st.integers(1, 2)] * 3),
)
def test_layers_over_volumes_are_layers_over_pictures(seed, kernel, stride, padding, dilation):
    torch.manual_seed(seed)
    layer = nn.Conv3d(2, 3, kernel, stride, padding, dilation)
    _, count = same_after(
        Code(lambda x, layer: layer(x).flatten(2), layer=layer).eval(), (2, 2, 5, 6, 7), step=depth_as_channels
    )
    assert count == 1


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, copies=st.sampled_from([2, 7, 17]), how=st.sampled_from(["expand", "repeat"]))
def test_a_few_copies_of_a_map_are_joined(seed, copies, how):
    """As each key point of a motion model moves a picture of its own."""
    torch.manual_seed(seed)
    counts = {"expand": (-1, copies, -1, -1, -1), "repeat": (1, copies, 1, 1, 1)}[how]

    def body(x):
        spread = getattr(x.unsqueeze(1), how)(*counts)
        return spread.reshape(2 * copies, 3, 4, 5).permute(0, 2, 3, 1).reshape(2, -1, 5, 3)

    left, count = same_after(Code(body).eval(), (2, 3, 4, 5), step=broadcast_by_arithmetic)
    assert count == (copies <= 16)
    assert count != any(is_call(n, aten.expand.default, aten.repeat.default) for n in left.graph.nodes)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, form=st.sampled_from(["matmul", "mm", "addmm", "three dimensions"]))
def test_products_with_constant_matrices_are_linear_layers(seed, form):
    torch.manual_seed(seed)
    layer = nn.Linear(4, 5)
    bodies = {
        "matmul": lambda x, layer: x.matmul(layer.weight.t()) + layer.bias,
        "mm": lambda x, layer: torch.mm(x, layer.weight.t()),
        "addmm": lambda x, layer: torch.addmm(layer.bias.unsqueeze(0), x, layer.weight.t()),
        "three dimensions": lambda x, layer: x[:, None].repeat(1, 3, 1) @ layer.weight.t(),
    }

    def step(graph):
        fold_constants(graph)
        return matrix_linear(graph)

    module = Code(lambda x, layer: bodies[form](x, layer).reshape(2, -1, 5, 1), layer=layer).eval()
    left, count = rewritten(module, (2, 4), step=step)
    x = torch.randn(2, 4, dtype=torch.float64)
    assert count == 1 and (module.double()(x) - left(x)).abs().max() < 1e-10
    assert any(is_call(n, aten.linear.default) for n in left.graph.nodes)


@pytest.mark.parametrize(
    "body",
    [
        lambda x: x.reshape(2, 3, 4, 1, 5, 1).permute(0, 1, 2, 3, 4, 5).reshape(2, 3, 4, 5),
        lambda x: F.pad(x, [0, 0, 0, 0]),
        lambda x: x[:, None].repeat(1, 4, 1, 1, 1)[:, 2],
        lambda x: F.pad(x, [1, 2])[..., 1:-2],
        lambda x: torch.split(x, 2, dim=0)[0],
    ],
)
def test_what_is_moved_there_and_back_is_dropped(body):
    left = check(Code(lambda x: body(x) * 2), (2, 3, 4, 5), step=drop_identities)
    assert left == [aten.mul.Tensor]


def test_what_is_moved_elsewhere_stays():
    _, count = rewritten(Code(lambda x: x.transpose(1, 2) * 2), (1, 4, 4), step=drop_identities)
    assert count == 0
