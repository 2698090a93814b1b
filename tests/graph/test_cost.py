"""Counts against PyTorch's own flop counter, which counts a multiply and an add as two."""

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph import cost
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(8, 16, 4, 2, 1)
        self.conv = nn.Conv2d(16, 16, 3, padding=1, groups=2)
        self.fc = nn.Linear(16, 12)

    def forward(self, z):
        x = self.conv(torch.relu(self.up(z)))
        flat = x.flatten(2)
        return self.fc(flat @ flat.transpose(1, 2)).unsqueeze(1)


def test_macs_are_half_of_pytorchs_flops():
    module = Mixed().eval()
    x = torch.randn(1, 8, 5, 5)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(x)
    graph = capture(module, GeneratorSpec(inputs=(TensorSpec(name="z", kind="latent", shape=(8, 5, 5)),)))
    assert cost.macs(graph) * 2 == counter.get_total_flops()
    assert cost.params(graph) == sum(p.numel() for p in module.parameters())


class Traffic(TorchDispatchMode):
    """Counts the values that PyTorch's own operators take and give as they run."""

    def __init__(self):
        super().__init__()
        self.values = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function not in (torch.ops.aten.view.default, torch.ops.aten.unsqueeze.default):
            self.values += sum(t.numel() for t in [*args, result] if isinstance(t, torch.Tensor))
        return result


def test_values_moved_are_those_that_pytorchs_operators_see():
    module = nn.Sequential(
        nn.ConvTranspose2d(8, 16, 4, 2, 1),
        nn.ReLU(),
        nn.Conv2d(16, 4, 3, bias=False),
        nn.Flatten(),
        nn.Unflatten(1, (4, 8, 8)),
        nn.Tanh(),
    ).eval()
    graph = capture(module, GeneratorSpec(inputs=(TensorSpec(name="z", kind="latent", shape=(8, 5, 5)),)))
    z = torch.randn(1, 8, 5, 5)
    with Traffic() as traffic, torch.no_grad():
        module(z)
    assert cost.values_moved(graph) == traffic.values


def test_the_phase_form_wastes_only_the_border():
    graph = capture(
        nn.ConvTranspose2d(8, 8, 4, 2, 1).eval(),
        GeneratorSpec(inputs=(TensorSpec(name="z", kind="latent", shape=(8, 32, 32)),)),
    )
    assert cost.macs(rewrite(graph, "phase").value) <= 1.1 * cost.macs(graph)
