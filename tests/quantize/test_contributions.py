"""Layers' costs from one set of activations, against the network run with those layers rounded."""

import itertools
from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from benchmarks.families import FAMILIES
from edgegan.core.sampling import sample_inputs
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize.contributions import contributions
from edgegan.quantize.scheme import OPENVINO
from edgegan.quantize.sensitivity import Simulation
from tests.conftest import PHOTO


class Tokens(nn.Module):
    """Attention over rows of tokens that lie before the batch, as PyTorch's own has them, within convolutions."""

    def __init__(self, width=16):
        super().__init__()
        self.head, self.tail = nn.Conv2d(3, width, 3, 2, 1), nn.Conv2d(width, 3, 3, padding=1)
        self.attention = nn.MultiheadAttention(width, 2)
        self.within = nn.Linear(width, width)

    def forward(self, x):
        x = self.head(x).relu()
        rows = x.flatten(2).permute(2, 0, 1)
        rows = rows + self.attention(rows, rows, rows)[0]
        rows = rows + self.within(rows).relu()
        return torch.tanh(self.tail(rows.permute(1, 2, 0).reshape(x.shape)))


def tokens():
    torch.manual_seed(0)
    return Tokens().eval(), PHOTO


FAMILY = ["dcgan", "cyclegan", "esrgan", "stylegan2", "hifigan", "biggan", "sr-compact"]
SUBJECTS = {name: partial(FAMILIES[name].build, "small") for name in FAMILY} | {"tokens": tokens}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_costs_are_those_of_the_rounded_network(subject):
    module, spec = SUBJECTS[subject]()
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
        np.testing.assert_allclose(
            _in_blocks(values, shape[0]).reshape(shape[0], -1).sum(1), values.sum((1, 2, 3)), atol=1e-4
        )
    for shape in ((2, 5), (2, 3, 7), (2, 3, 64)):
        values = torch.randn(shape)
        np.testing.assert_allclose(_in_blocks(values, 2).reshape(2, -1).sum(1), values.flatten(1).sum(1), atol=1e-4)
    rows = torch.randn(7, 2, 5)
    np.testing.assert_allclose(_in_blocks(rows, 2).sum(), rows.sum(), atol=1e-4)
