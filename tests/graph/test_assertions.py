"""Checks that a network makes on its own values, as public code has them, compute nothing."""

import numpy as np
import pytest
import torch
from torch import nn

from edgegan.core.errors import ModelError
from edgegan.graph.capture import capture
from tests.conftest import PHOTO


class Checked(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return self.checked(torch.tanh(self.conv(x)))


class Asserts(Checked):
    def checked(self, x):
        assert torch.isfinite(x).all(), "not finite"
        assert not torch.isnan(x).any()
        return x


class Raises(Checked):
    def checked(self, x):
        if torch.isnan(x).any() or not (x.abs() <= 1).all():
            print("something is wrong")
            raise ValueError("not a picture")
        return x


class InALoop(Checked):
    def checked(self, x):
        for channel in x.unbind(1):
            if (channel > 1).any():
                raise ValueError("above 1")
        return x


class Branches(Checked):
    """The brighter half of the pictures is drawn otherwise."""

    def checked(self, x):
        if x.mean() > 0:
            return 1 - x
        return x


@pytest.mark.parametrize("network", [Asserts, Raises, InALoop])
def test_checks_compute_nothing(network):
    torch.manual_seed(0)
    module, picture = network().eval(), torch.randn(1, 3, 16, 16)
    graph = capture(module, PHOTO)
    with torch.no_grad():
        wanted = module(picture).numpy()
    np.testing.assert_allclose(graph.run({"x": picture.numpy()}), wanted, atol=1e-6)
    assert len([node for node in graph.module.graph.nodes if node.op == "call_function"]) == 2


def test_what_decides_about_the_picture_is_refused():
    torch.manual_seed(0)
    with pytest.raises(ModelError, match=r"if x\.mean"):
        capture(Branches().eval(), PHOTO)
