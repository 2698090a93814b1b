"""Each remaining pass against PyTorch's operators."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph.capture import capture
from edgegan.graph.check import compare
from edgegan.graph.editing import is_call
from edgegan.graph.operators import UPSAMPLES, aten
from edgegan.graph.passes import FORMULATIONS
from edgegan.graph.rewrite import rewrite
from tests.subjects import randomized


def graph_of(module, *shapes, batch=1):
    specs = tuple(TensorSpec(name=f"x{i}", kind="latent", shape=s) for i, s in enumerate(shapes))
    return capture(module, GeneratorSpec(inputs=specs), batch)


def targets(graph):
    return [n.target for n in graph.module.graph.nodes if n.op == "call_function"]


class Functional(nn.Module):
    """What a module-level rewriter would miss: functional calls, in-place activations, a weight made on the way."""

    def __init__(self):
        super().__init__()
        self.first = nn.utils.parametrizations.spectral_norm(nn.Conv2d(4, 8, 3, padding=1))
        self.gain = nn.Parameter(torch.randn(8, 8, 4, 4))
        self.norm = nn.BatchNorm2d(8)
        self.slope = nn.PReLU(8)

    def forward(self, x):
        x = F.leaky_relu_(self.first(x), 0.2)
        x = F.dropout(F.interpolate(x, scale_factor=2), 0.3, self.training)
        x = F.conv_transpose2d(x, self.gain * 0.1, stride=2, padding=1)
        x = self.slope(F.relu(self.norm(x)))
        return torch.tanh(F.pad(x, (2, 1, 3, 2), mode="reflect"))


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_functional_code_is_rewritten_exactly(formulation):
    graph = graph_of(randomized(Functional()), (4, 6, 5))
    result = rewrite(graph, formulation)
    assert compare(graph, result.value).relative < 1e-6
    assert not any("undone" in note for note in result.notes)
    found = targets(result.value)
    assert aten.batch_norm.default not in found and aten.dropout.default not in found
    if not formulation.startswith("native"):
        assert aten.conv_transpose2d.input not in found
    if formulation == "phase-nhwc":
        assert aten.pad.default not in found


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, 3),
        nn.ConvTranspose2d(4, 6, 4, 2, 1, groups=2),
        nn.ConvTranspose2d(4, 6, 3, bias=False),
        nn.Conv2d(4, 6, 3, groups=2, bias=False),
    ],
)
def test_batch_norm_folds_into_the_layer_before(layer):
    graph = graph_of(randomized(nn.Sequential(layer, nn.BatchNorm2d(6), nn.ReLU())), (4, 8, 8))
    after = rewrite(graph, "native").value
    assert len(targets(after)) == 2 and compare(graph, after).relative < 1e-6


def test_instance_norm_with_statistics_of_its_own_folds_as_batch_norm_does():
    norm = nn.InstanceNorm2d(6, affine=True, track_running_stats=True)
    module = nn.Sequential(nn.Conv2d(4, 6, 3), norm, nn.ReLU(), nn.Conv2d(6, 3, 1), nn.InstanceNorm2d(3)).train()
    for _ in range(3):
        module(torch.randn(2, 4, 8, 8) * 3 + 1)
    graph = graph_of(module.eval(), (4, 8, 8))
    after = rewrite(graph, "native").value
    assert (
        targets(graph).count(aten.instance_norm.default) == 2 and targets(after).count(aten.instance_norm.default) == 1
    )
    assert compare(graph, after).relative < 1e-6


def test_batch_norm_without_a_layer_before_is_one_multiply_and_one_add():
    graph = graph_of(randomized(nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 3, 1))), (4, 8, 8))
    after = rewrite(graph, "native").value
    assert targets(after)[:2] == [aten.mul.Tensor, aten.add.Tensor] and compare(graph, after).relative < 1e-6


class Shared(nn.Module):
    """A convolution whose output is used twice: folding the norm into it would change the other use."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)

    def forward(self, x):
        y = self.conv(x)
        return self.norm(y) + y


def test_batch_norm_of_a_shared_layer_is_not_folded_into_it():
    graph = graph_of(randomized(Shared()), (4, 8, 8))
    assert compare(graph, rewrite(graph, "native").value).relative < 1e-6


@pytest.mark.parametrize("mode", ["reflect", "replicate"])
def test_padding_as_slices(mode):
    class Pads(nn.Module):
        def forward(self, x):
            return F.pad(x, (3, 1, 0, 2), mode=mode)

    graph = graph_of(Pads(), (2, 5, 6))
    after = rewrite(graph, "phase-nhwc").value
    assert compare(graph, after).maximum == 0 and aten.pad.default not in targets(after)


def test_the_activation_ends_next_to_the_convolution():
    graph = graph_of(randomized(nn.Sequential(nn.ConvTranspose2d(4, 3, 4, 2, 1), nn.Tanh())), (4, 6, 6))
    for formulation in ("phase", "phase-nhwc"):
        nodes = list(rewrite(graph, formulation).value.module.graph.nodes)
        tanh = next(n for n in nodes if is_call(n, aten.tanh.default))
        assert is_call(tanh.args[0], aten.conv2d.default)


def test_a_pass_that_changes_the_output_is_undone(monkeypatch):
    def spoil(module):
        node = next(n for n in module.graph.nodes if is_call(n, aten.relu.default))
        node.target = aten.sigmoid.default
        return 1

    graph = graph_of(randomized(nn.Sequential(nn.Conv2d(2, 3, 1), nn.ReLU())), (2, 4, 4))
    monkeypatch.setitem(FORMULATIONS, "native", (spoil,))
    result = rewrite(graph, "native")
    assert (
        "undone" in result.notes[0]
        and "sigmoid" not in result.value.module.code
        and compare(graph, result.value).maximum == 0
    )


class Resized(nn.Module):
    def __init__(self, **how):
        super().__init__()
        self.how = how

    def forward(self, x):
        return F.interpolate(x, **self.how)


@pytest.mark.parametrize(
    "how",
    [
        {"size": (4, 6)},
        {"size": (3, 4)},
        {"scale_factor": 1.5},
        {"size": (11, 13)},
        {"scale_factor": 1.3, "recompute_scale_factor": True},
    ],
)
def test_nearest_resizing_that_litert_s_converter_gets_wrong_is_exact_without_it(how):
    graph = graph_of(Resized(**how), (2, 8, 12))
    after = rewrite(graph, "phase-nhwc").value
    assert compare(graph, after).maximum == 0 and not set(targets(after)) & set(UPSAMPLES)


@pytest.mark.parametrize(
    ("how", "changed"),
    [
        ({"scale_factor": 1.5}, True),
        ({"scale_factor": 2}, False),
        ({"size": (4, 5), "antialias": True}, True),
        ({"size": (10, 13)}, False),
        ({"scale_factor": 3, "mode": "bicubic"}, True),
    ],
)
def test_resizing_that_litert_has_no_operator_for_is_a_product(how, changed):
    graph = graph_of(Resized(**{"mode": "bilinear"} | how), (2, 7, 9))
    after = rewrite(graph, "phase-nhwc").value
    assert compare(graph, after).relative < 1e-6 and (aten.linear.default in targets(after)) == changed


def test_resizing_to_the_same_size_goes():
    graph = graph_of(nn.Sequential(Resized(size=(6, 6)), nn.Conv2d(2, 3, 3)), (2, 6, 6))
    after = rewrite(graph, "native").value
    assert targets(after) == [aten.conv2d.default] and compare(graph, after).maximum == 0


class Waves(nn.Module):
    """A map of sines over a grid that the code makes on the way, as StyleGAN3 does."""

    def __init__(self):
        super().__init__()
        self.frequencies, self.gain = nn.Parameter(torch.randn(4, 2)), nn.Linear(3, 4)

    def forward(self, z):
        side = torch.linspace(-0.5, 0.5, 6)
        x, y = torch.meshgrid(side, side, indexing="xy")
        return (
            torch.sin(torch.stack([x, y], -1) @ self.frequencies.t()).permute(2, 0, 1)[None]
            * self.gain(z)[:, :, None, None]
        )


def test_what_the_code_makes_of_nothing_is_computed_once():
    graph = graph_of(Waves().eval(), (3,))
    after = rewrite(graph, "native").value
    assert not {aten.linspace.default, aten.meshgrid.indexing, aten.sin.default} & set(targets(after))
    assert compare(graph, after).relative < 1e-6


class Parts(nn.Module):
    """A latent of which every layer takes its own part, by slices, chunks and pieces of given widths."""

    def forward(self, z):
        first, rest = z[:, :3], z[:, 3:]
        chunks, (wide, narrow) = rest.chunk(3, 1), rest.split([5, 4], 1)
        return torch.cat([first * chunks[2], chunks[0] - chunks[1], wide[:, ::2], narrow.tanh()], 1).reshape(
            -1, 1, 1, 13
        )


@pytest.mark.parametrize("batch", [1, 3])
def test_parts_of_a_row_are_slices_of_rank_four_for_litert(batch):
    graph = graph_of(Parts(), (12,), batch=batch)
    result = rewrite(graph, "phase-nhwc").value
    inputs = {"x0": torch.randn(6, 12).numpy()}
    assert torch.equal(torch.from_numpy(result.run(inputs)), torch.from_numpy(graph.run(inputs)))
    slices = [n for n in result.module.graph.nodes if is_call(n, aten.slice.Tensor)]
    assert len(slices) == 8 and all(n.meta["val"].dim() == 4 for n in slices)
    assert not any("split" in str(target) for target in targets(result))
