"""The phase form against PyTorch's own transposed convolution, over drawn parameters, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph.capture import capture
from edgegan.graph.editing import aten, is_call
from edgegan.graph.graph import refresh
from edgegan.graph.passes.phase_conv import phase_conv, phase_conv_channels_last
from edgegan.graph.passes.pixel_linear import pixel_linear
from edgegan.graph.passes.upsample_conv import upsample_conv


def rewritten(module: nn.Module, shape: tuple[int, ...], step):
    """The module in float64, and the same after one pass, with the number of places changed."""
    spec = GeneratorSpec(inputs=(TensorSpec(name="x", kind="latent", shape=shape[1:]),))
    graph = capture(module, spec, shape[0])
    count = step(graph.module)
    refresh(graph.module, graph.example_inputs())
    return graph.module.double(), count


@st.composite
def transposed(draw):
    stride, groups = draw(st.integers(1, 4)), draw(st.sampled_from([1, 1, 1, 2]))
    kernel = draw(st.integers(1, 7))
    padding = draw(st.integers(0, kernel - 1))
    layer = {"kernel_size": kernel, "stride": stride, "padding": padding, "output_padding": draw(st.integers(0, stride - 1)), "groups": groups, "bias": draw(st.booleans())}
    size = (draw(st.integers(2, 6)), draw(st.integers(2, 6)))
    return layer, groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3)), size, draw(st.integers(1, 2)), draw(st.integers(0, 2**31))


def make(case):
    layer, inputs, outputs, size, batch, seed = case
    lengths = [(n - 1) * layer["stride"] - 2 * layer["padding"] + layer["kernel_size"] + layer["output_padding"] for n in size]
    if min(lengths) < 1:
        return None
    torch.manual_seed(seed)
    return nn.ConvTranspose2d(inputs, outputs, **layer).eval(), torch.randn(batch, inputs, *size, dtype=torch.float64)


@settings(max_examples=120, deadline=None)
@given(transposed(), st.sampled_from([phase_conv, phase_conv_channels_last]))
def test_transposed_convolution_is_exact(case, step):
    made = make(case)
    if made is None:
        return
    module, x = made
    after, count = rewritten(module, tuple(x.shape), step)
    assert (module.double()(x) - after(x)).abs().max() < 1e-10
    if count:
        assert not any(is_call(n, aten.conv_transpose2d.input) for n in after.graph.nodes)


@pytest.mark.parametrize("kernel,stride,padding,extra", [(4, 2, 1, 0), (3, 2, 1, 1), (2, 2, 0, 0), (6, 2, 2, 0), (4, 2, 0, 0), (5, 2, 2, 1), (4, 4, 0, 0)])
@pytest.mark.parametrize("step", [phase_conv, phase_conv_channels_last])
def test_the_forms_that_generators_use_are_all_rewritten(kernel, stride, padding, extra, step):
    module = nn.ConvTranspose2d(3, 5, kernel, stride, padding, extra).eval()
    x = torch.randn(2, 3, 7, 5, dtype=torch.float64)
    after, count = rewritten(module, tuple(x.shape), step)
    assert count == 1 and (module.double()(x) - after(x)).abs().max() < 1e-12


@settings(max_examples=40, deadline=None)
@given(transposed())
def test_a_one_pixel_input_becomes_a_linear_layer(case):
    layer, inputs, outputs, _, batch, seed = case
    made = make((layer | {"groups": 1}, inputs, outputs, (1, 1), batch, seed))
    if made is None:
        return
    module, x = made
    after, count = rewritten(module, tuple(x.shape), pixel_linear)
    assert count == 1 and (module.double()(x) - after(x)).abs().max() < 1e-10


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 4), st.sampled_from([1, 2, 3, 5]), st.booleans(), st.integers(2, 5), st.integers(0, 2**31))
def test_nearest_upsampling_and_convolution_become_one(factor, kernel, same, size, seed):
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Upsample(scale_factor=factor, mode="nearest"), nn.Conv2d(3, 4, kernel, padding=(kernel - 1) // 2 if same else 0)).eval()
    if factor * size < kernel:
        return
    x = torch.randn(1, 3, size, size + 1, dtype=torch.float64)
    after, count = rewritten(module, tuple(x.shape), lambda m: upsample_conv(m))
    assert count == 1
    # The merged kernel is stored in float32, which rounds sums of taps: 2**-24 of weights below 1.
    assert (module.double()(x) - after(x)).abs().max() < 1e-5
