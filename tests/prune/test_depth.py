import pytest
import torch
from torch import nn

from edgegan.core.errors import UsageError
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph import cost
from edgegan.graph.capture import capture
from edgegan.prune.channels import prune, share_for_macs_ratio
from edgegan.prune.depth import blocks, without_blocks
from edgegan.prune.how import How

MAP = GeneratorSpec(inputs=(TensorSpec(name="x", kind="latent", shape=(3, 8, 8)),))


class Block(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.a, self.b, self.scale = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1), scale

    def forward(self, x):
        return x + self.scale * self.b(torch.relu(self.a(x)))


class Nested(nn.Module):
    """As RRDB has it: blocks within a block, each with a shortcut."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(Block(0.2), Block(0.2))

    def forward(self, x):
        return self.inner(x) * 0.2 + x


def network(*between):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), *between, nn.Conv2d(8, 3, 3, padding=1))


def test_the_block_that_does_least_goes_first_and_the_rest_computes_as_before():
    module = network(Block(1.0), Block(0.01), Block(0.5))
    graph = capture(module, MAP)
    smaller, dropped = without_blocks(graph, 1)
    inputs = graph.example_inputs(3)
    with torch.no_grad():
        wanted = nn.Sequential(module[0], module[1], module[3], module[4])(*inputs)
        torch.testing.assert_close(smaller.module(*inputs), wanted)
    assert 0 < dropped[0].change < 1e-3
    _, both = without_blocks(graph, 2)
    assert both[0] == dropped[0] and both[1].change > dropped[0].change


def test_blocks_within_blocks_are_blocks():
    graph = capture(network(Nested()), MAP)
    assert len(blocks(graph.module)) == 3
    with pytest.raises(UsageError, match=r"has [123] residual blocks"):
        without_blocks(graph, 9)


def test_sums_without_a_shortcut_are_none():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

        def forward(self, x):
            return self.a(x) + self.b(x) + 1.0

    assert not blocks(capture(Two(), MAP).module)


def test_blocks_and_channels_together_reach_a_ratio():
    graph = capture(network(Block(1.0), Block(0.1)), MAP)
    how = How(drop_blocks=1)
    result = prune(graph, 0.0, how)
    assert "dropped the block" in result.notes[0] and cost.macs(result.value[0]) < cost.macs(graph)
    share = share_for_macs_ratio(graph, 3.0, how)
    assert cost.macs(prune(graph, share, how).value[0]) * 3 <= cost.macs(graph)
    assert share < share_for_macs_ratio(graph, 3.0)
