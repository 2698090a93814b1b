"""Maps with their channels last, as Keras and TensorFlow leave them: the same numbers, and no permutation left between
layers."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from edgegan.core.spec import GeneratorSpec, parse_input
from edgegan.graph.capture import capture
from edgegan.graph.check import compare
from edgegan.graph.operators import PERMUTATIONS
from edgegan.graph.passes.channels_first import channels_first
from edgegan.graph.passes.crop_late import crop_late
from edgegan.graph.passes.drop_identities import drop_identities
from edgegan.graph.rewrite import apply, rewrite

PICTURE = GeneratorSpec(inputs=(parse_input("image:3x8x10", "x"),))


def same_conv(conv, x):
    """A layer on maps with their channels last, padded by "same"."""
    return conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class Last(nn.Module):
    """Convolutions, a norm by numbers, sums, a concatenation, statistics, all with the channels last."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = nn.Conv2d(3, 6, 3, 1, 1), nn.Conv2d(6, 6, 3, 1, 1), nn.Conv2d(12, 3, 1)
        self.up = nn.ConvTranspose2d(6, 6, 5, 2)
        self.gain, self.offset = nn.Parameter(torch.rand(6) + 0.5), nn.Parameter(torch.rand(6))

    def forward(self, x):
        x = x.permute(0, 2, 3, 1)
        a = F.leaky_relu(same_conv(self.first, x) * self.gain + self.offset, 0.3)
        b = torch.tanh(a + same_conv(self.second, a) / 2.0)
        b = (b - b.mean([1, 2], keepdim=True)) * self.gain
        up = self.up(b.permute(0, 3, 1, 2))[:, :, 1:-2, 1:-2].permute(0, 2, 3, 1)
        up = torch.relu((up - self.offset) * self.gain)
        a = a.repeat_interleave(2, 1).repeat_interleave(2, 2)
        return torch.tanh(same_conv(self.last, torch.cat([up, up * 0.5], -1))).permute(0, 3, 1, 2) + a.mean()


@pytest.mark.parametrize("form", ["native", "phase", "phase-nhwc"])
def test_the_numbers_stay(form):
    graph = capture(Last().eval(), PICTURE)
    assert compare(graph, rewrite(graph, form).value).is_exact


def test_permutations_between_layers_go_and_norms_fold():
    graph = capture(Last().eval(), PICTURE)
    done = apply(graph, (channels_first, crop_late, drop_identities))
    assert any("channels_first" in note for note in done.notes) and any("crop_late" in note for note in done.notes)
    left = [n for n in done.value.module.graph.nodes if n.target in PERMUTATIONS]
    assert len(left) < sum(n.target in PERMUTATIONS for n in graph.module.graph.nodes) / 2
    clean = rewrite(graph, "native").value.module.graph.nodes
    divided = [n for n in clean if n.target in (torch.ops.aten.mul.Tensor, torch.ops.aten.sub.Tensor)]
    assert len(divided) <= 3, "gains and offsets fold into the layers before them"
