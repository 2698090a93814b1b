"""Layers' costs from one set of activations, against the network run with those layers rounded."""

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from benchmarks.families import FAMILIES
from edgegan.core.sampling import sample_inputs
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize.contributions import contributions
from edgegan.quantize.scheme import OPENVINO
from edgegan.quantize.sensitivity import Simulation


@pytest.mark.parametrize("family", ["dcgan", "cyclegan", "esrgan", "stylegan2", "hifigan", "biggan", "sr-compact"])
def test_costs_are_those_of_the_rounded_network(family):
    module, spec = FAMILIES[family].build("small")
    graph = rewrite(capture(module, spec, 2), "phase").value
    batches = [tuple(torch.from_numpy(v) for v in sample_inputs(spec.inputs, 2, i).values()) for i in range(8)]
    simulated = Simulation(graph, OPENVINO, batches)
    inputs = sample_inputs(spec.inputs, 8, 100)
    found = contributions(simulated, inputs)
    wanted = simulated.run(inputs, ())

    def true_db(layers):
        return psnr_db(wanted, simulated.run(inputs, layers), spec.output_range)

    layers = simulated.layers
    alone = found.alone()
    for some in (layers, layers[len(layers) // 4 :], [layer for layer in layers if layer.index % 3]):
        assert abs(found.psnr_db(some) - true_db(some)) < 2.0
    if len(layers) > 4:
        true = [-true_db((layer,)) for layer in layers]
        assert spearmanr([alone[layer] for layer in layers], true).statistic > 0.6


def test_blocks_lose_nothing():
    from edgegan.quantize.contributions import _in_blocks

    for shape in itertools.product((1, 3), (2,), (1, 3, 4, 9, 16), (1, 5, 8)):
        values = torch.randn(shape)
        np.testing.assert_allclose(_in_blocks(values).reshape(shape[0], -1).sum(1), values.sum((1, 2, 3)), atol=1e-4)
    for shape in ((2, 5), (2, 3, 7), (2, 3, 64)):
        values = torch.randn(shape)
        np.testing.assert_allclose(_in_blocks(values).reshape(2, -1).sum(1), values.flatten(1).sum(1), atol=1e-4)
