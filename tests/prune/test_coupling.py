"""What is cut out of all its tensors at once: the graph that is left draws what the whole one draws when nothing reads
those channels any more, whatever lies between."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
import torch_pruning as tp
from hypothesis import given, settings
from torch import nn
from torch.nn import functional as F

from benchmarks.families import FAMILIES
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph import cost
from edgegan.graph.capture import capture
from edgegan.graph.graph import refresh
from edgegan.models.loading import load_model
from edgegan.prune.channels import Pruning, prepared
from edgegan.prune.coupling.atoms import Atoms
from edgegan.prune.coupling.groups import Coupling
from edgegan.prune.layers import PRUNABLE, layered
from tests.subjects import randomized

MAP = GeneratorSpec(inputs=(TensorSpec(name="x", kind="latent", shape=(3, 8, 8)),))
WIDTH = 16


class Between(nn.Module):
    """A convolution before and one after; what lies between is the test's."""

    def __init__(self, between, out=WIDTH, wide=WIDTH):
        super().__init__()
        self.first, self.between, self.last = nn.Conv2d(3, wide, 3, padding=1), between, nn.Conv2d(out, 3, 3, padding=1)

    def forward(self, x):
        return self.last(self.between(self.first(x)))


class Gate(nn.Module):
    """Half of the channels gate the other half, as one writes it by hand."""

    def __init__(self, how):
        super().__init__()
        self.wide, self.how = nn.Conv2d(WIDTH, 2 * WIDTH, 1), how

    def forward(self, x):
        x = self.wide(x)
        if self.how == "glu":
            return F.glu(x, 1)
        if self.how == "chunk":
            kept, gate = x.chunk(2, 1)
        elif self.how == "split":
            kept, gate = x.split([WIDTH, WIDTH], 1)
        else:
            kept, gate = x[:, :WIDTH], x[:, WIDTH:]
        return F.elu(kept) * torch.sigmoid(gate)


class Residual(nn.Module):
    def __init__(self, norm=nn.BatchNorm2d):
        super().__init__()
        self.a, self.norm, self.b = nn.Conv2d(WIDTH, 12, 3, padding=1), norm(12), nn.Conv2d(12, WIDTH, 3, padding=1)

    def forward(self, x):
        return x + self.b(F.leaky_relu(self.norm(self.a(x)), 0.2))


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(WIDTH, 8, 3, padding=1), nn.Conv2d(WIDTH + 8, WIDTH, 3, padding=1)

    def forward(self, x):
        return x + 0.2 * self.b(torch.cat([x, F.prelu(self.a(x), torch.full((8,), 0.1))], 1))


class Excitation(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Linear(WIDTH, 4), nn.Linear(4, WIDTH)

    def forward(self, x):
        scale = torch.sigmoid(self.up(F.silu(self.down(x.mean((2, 3))))))
        return x * scale[:, :, None, None]


class Modulated(nn.Module):
    """Scales and shifts in two halves of one linear layer, as AdaIN and FiLM are written."""

    def __init__(self):
        super().__init__()
        self.style = nn.Linear(5, 2 * WIDTH)
        self.register_buffer("w", torch.randn(1, 5))

    def forward(self, x):
        scale, shift = self.style(self.w).view(-1, 2, WIDTH, 1, 1).unbind(1)
        return F.instance_norm(x) * (1 + scale) + shift


class Heads(nn.Module):
    """Attention over the map's places, four heads, written with matrix products."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Conv2d(WIDTH, 3 * WIDTH, 1), nn.Conv2d(WIDTH, WIDTH, 1)

    def forward(self, x):
        n, c, h, w = x.shape
        q, k, v = self.qkv(x).reshape(n, 3, 4, c // 4, h * w).unbind(1)
        weights = torch.softmax(q.transpose(-1, -2) @ k / 2, -1)
        return x + self.out((v @ weights.transpose(-1, -2)).reshape(n, c, h, w))


class Window(nn.Module):
    """Attention as Swin has it: rolled, with a learned bias from a table."""

    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.bias = nn.Parameter(torch.randn(127, 4))
        self.register_buffer("places", torch.arange(64)[:, None] - torch.arange(64) + 63)

    def forward(self, x):
        n, c, h, w = x.shape
        rows = torch.roll(x, (-2, -2), (2, 3)).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(rows).reshape(n, h * w, 3, 4, c // 4).permute(2, 0, 3, 1, 4).unbind(0)
        weights = q @ k.transpose(-2, -1) / 2 + self.bias[self.places].permute(2, 0, 1)
        rows = rows + self.out((weights.softmax(-1) @ v).transpose(1, 2).reshape(n, h * w, c))
        return torch.roll(rows.transpose(1, 2).reshape(n, c, h, w), (2, 2), (2, 3))


class Rows(nn.Module):
    """The map as rows of pixels, which linear layers read: channels last, and back."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(WIDTH, 24), nn.Linear(24, WIDTH)

    def forward(self, x):
        n, c, h, w = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(n, h * w, c)
        return self.b(F.gelu(self.a(rows))).transpose(1, 2).reshape(n, -1, h, w)


BETWEEN = {
    "plain": lambda: Between(nn.Sequential(nn.BatchNorm2d(WIDTH), nn.ReLU())),
    "residual": lambda: Between(nn.Sequential(Residual(), Residual(nn.InstanceNorm2d))),
    "dense": lambda: Between(nn.Sequential(Dense(), Dense())),
    "glu": lambda: Between(Gate("glu")),
    "chunked gate": lambda: Between(Gate("chunk")),
    "split gate": lambda: Between(Gate("split")),
    "sliced gate": lambda: Between(Gate("slices")),
    "shuffle": lambda: Between(nn.PixelShuffle(2), wide=4 * WIDTH),
    "unshuffle": lambda: Between(nn.PixelUnshuffle(2), out=4 * WIDTH),
    "depthwise": lambda: Between(nn.Sequential(nn.Conv2d(WIDTH, 2 * WIDTH, 3, groups=WIDTH), nn.Conv2d(32, 16, 1))),
    "grouped": lambda: Between(nn.Conv2d(WIDTH, 24, 3, padding=1, groups=4), out=24),
    "transposed": lambda: Between(nn.ConvTranspose2d(WIDTH, 12, 4, 2, 1), out=12),
    "transposed depthwise": lambda: Between(nn.ConvTranspose2d(WIDTH, WIDTH, 2, 2, groups=WIDTH)),
    "grouped norm": lambda: Between(nn.GroupNorm(4, WIDTH)),
    "norm of a group each": lambda: Between(nn.GroupNorm(WIDTH, WIDTH)),
    "excitation": lambda: Between(Excitation()),
    "modulated": lambda: Between(Modulated()),
    "heads": lambda: Between(Heads()),
    "window": lambda: Between(Window()),
    "rows": lambda: Between(Rows()),
    "prelu": lambda: Between(nn.Sequential(nn.ReflectionPad2d(1), nn.PReLU(WIDTH), nn.Upsample(scale_factor=2))),
}


def coupled(name):
    torch.manual_seed(0)
    graph = capture(randomized(BETWEEN[name]()), MAP)
    return graph, Coupling(graph.module)


def drawn_unread(graph, coupling, gone):
    """The whole network's picture where every layer reads zeros for the channels ``gone``."""
    module = graph.copy().module
    for group in coupling.groups:
        for (name, axis), places in group.axes.items():
            if any((layer.weight, layer.inputs) == (name, axis) for layer in coupling.layers):
                owner, _, leaf = name.rpartition(".")
                weight = getattr(module.get_submodule(owner), leaf).detach().clone()
                mine = (places >= 0) & np.isin(group.channels[places], gone)
                weight.index_fill_(axis, torch.from_numpy(np.flatnonzero(mine)), 0.0)
                setattr(module.get_submodule(owner), leaf, nn.Parameter(weight))
    with torch.no_grad():
        return module(*graph.example_inputs(1))


@pytest.mark.parametrize("name", BETWEEN)
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_what_is_left_draws_what_the_whole_draws_without_reading(name, data):
    graph, coupling = coupled(name)
    gone = np.concatenate(
        [
            np.empty(0),
            *(
                np.array(
                    data.draw(st.lists(st.sampled_from(group.channels.tolist()), max_size=len(group) - 1, unique=True))
                )
                for group in coupling.groups
                if len(group) > 1
            ),
        ]
    ).astype(np.int64)
    module = coupling.without(gone)
    refresh(module, graph.example_inputs())
    with torch.no_grad():
        picture = module(*graph.example_inputs(1))
    torch.testing.assert_close(picture, drawn_unread(graph, coupling, gone), atol=2e-5, rtol=1e-4)
    counts = [sum(p.numel() for p in m.parameters()) for m in (module, graph.module)]
    assert (counts[0] < counts[1]) == bool(len(gone))


@pytest.mark.parametrize("name,widths", [
    ("glu", [16, 16]), ("sliced gate", [16, 16]), ("residual", [12, 12, 16]), ("shuffle", [16]), ("grouped", [4, 6]),
    ("grouped norm", [4]), ("heads", [4, 16]), ("window", [4, 16]), ("excitation", [4, 16]), ("modulated", [16]),
])  # fmt: skip
def test_groups_are_those_that_the_code_couples(name, widths):
    assert sorted(map(len, coupled(name)[1].groups)) == sorted(widths)


@pytest.mark.parametrize("family", ["dcgan", "upconv", "progan", "cyclegan", "pix2pix", "esrgan", "sr-compact"])
def test_the_same_layers_go_together_as_torch_pruning_says(family):
    """Fang's dependency graph, found from gradients, against ours, found from operators."""
    graph = prepared(capture(*FAMILIES[family].build()))
    coupling, network = Coupling(graph.module), layered(graph)
    ours = {}
    for group in coupling.groups:
        together = {layer.name for layer in coupling.layers if (layer.weight, layer.outputs) in group.axes}
        for name in together:
            ours.setdefault(name, set()).update(together)
    dependencies = tp.DependencyGraph().build_dependency(network, example_inputs=graph.example_inputs(), verbose=False)
    names = {module: name for name, module in network.named_modules()}
    for name, together in ours.items():
        module = network.get_submodule(name)
        pruner = dependencies.get_pruner_of_module(module)
        every = list(range(pruner.get_out_channels(module)))
        group = dependencies.get_pruning_group(module, pruner.prune_out_channels, every)
        theirs = {
            names[part.target.module]
            for part, _ in group
            if isinstance(part.target.module, PRUNABLE) and dependencies.is_out_channel_pruning_fn(part.handler)
        }
        assert together == theirs, name
    assert len(ours) >= 2


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", ["cyclegan", "progan"])
def test_equal_vectors_that_a_file_holds_once_couple_nothing(family, tmp_path):
    """ONNX exporters write the ones of all norms, and the zeros of all biases, as one constant."""
    module, spec = FAMILIES[family].build()
    graph = capture(module, spec)
    path = tmp_path / "g.onnx"
    torch.onnx.export(module, graph.example_inputs(), str(path), dynamo=False, opset_version=17)
    loaded = load_model(str(path), list(FAMILIES[family].small[1]), None, None, spec.output_range, 1)
    imported = capture(loaded.module, loaded.spec)
    before = imported.fingerprint()
    one, other = Pruning(graph).cut(0.5), Pruning(imported).cut(0.5)
    assert (one.groups, one.channels) == (other.groups, other.channels)
    assert cost.macs(one.graph) == cost.macs(other.graph) and imported.fingerprint() == before


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30))
def test_disjoint_sets_are_those_of_scipy(pairs):
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    atoms = Atoms()
    atoms.fresh(19)
    for one, other in pairs:
        atoms.tie(np.array([one]), np.array([other]))
    links = np.array(pairs, dtype=int).reshape(-1, 2)
    _, wanted = connected_components(coo_array((np.ones(len(links)), links.T), shape=(20, 20)), directed=False)
    found = atoms.sets(np.arange(20))
    assert all((found[i] == found[j]) == (wanted[i] == wanted[j]) for i in range(20) for j in range(20))
