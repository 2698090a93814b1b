"""Forms chosen layer by layer: the same function whatever is chosen, and the choice is what the graph then holds."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from benchmarks.families import FAMILIES
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph.capture import capture
from edgegan.graph.check import compare
from edgegan.graph.editing import is_call
from edgegan.graph.operators import TRANSPOSED, UPSAMPLES
from edgegan.graph.rewrite import apply, rewrite
from edgegan.graph.sites import composed, sites

SPEC = GeneratorSpec(inputs=(TensorSpec(name="x", kind="latent", shape=(3, 5, 6)),))


def network():
    torch.manual_seed(0)
    layers = [
        nn.ConvTranspose2d(3, 4, 4, 2, 1),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(4, 2, 3, 2, 1, 1),
        nn.Tanh(),
    ]
    return rewrite(capture(nn.Sequential(*layers).eval(), SPEC), "native").value


def test_every_upsampling_layer_is_a_site_with_its_forms():
    assert [site.forms for site in sites(network())] == [
        ("native", "stacked"),
        ("native", "stacked"),
        ("native", "stacked", "split"),
    ]


def test_padding_between_upsampling_and_its_convolution_belongs_to_the_site():
    module = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.Upsample(scale_factor=2), nn.ReflectionPad2d(1), nn.Conv2d(4, 4, 3)
    ).eval()
    graph = rewrite(capture(module, SPEC), "native").value
    (site,) = sites(graph)
    (place,) = sites(site.alone())
    assert place.key == site.key
    after = apply(graph, composed({site.node: "stacked"}, channels_last=False)).value
    assert compare(graph, after).relative < 1e-6 and not any(
        is_call(n, *UPSAMPLES, *TRANSPOSED) for n in after.module.graph.nodes
    )


@settings(max_examples=12, deadline=None)
@given(st.tuples(*(st.sampled_from(["native", "stacked", "split"]) for _ in range(3))), st.booleans())
def test_any_choice_is_exact(forms, channels_last):
    graph = network()
    found = sites(graph)
    result = apply(
        graph, composed({site.node: form for site, form in zip(found, forms, strict=True)}, channels_last)
    ).value
    assert compare(graph, result).relative < 1e-6
    kinds = result.module.graph.nodes
    assert sum(is_call(n, *TRANSPOSED) for n in kinds) == sum(forms[i] == "native" for i in (0, 2))
    assert channels_last or sum(is_call(n, *UPSAMPLES) for n in kinds) == (forms[1] == "native")


@pytest.mark.parametrize("family", ["dcgan", "upconv", "cyclegan", "stylegan2", "hifigan"])
def test_a_layer_alone_is_the_same_layer(family):
    graph = rewrite(capture(*FAMILIES[family].build()), "native").value
    for site in sites(graph):
        (place,) = sites(site.alone())
        assert place.key == site.key and place.forms == site.forms
