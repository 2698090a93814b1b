import pytest
import torch

from edgegan.core.errors import ModelError, UsageError
from edgegan.graph import cost
from edgegan.graph.capture import capture
from edgegan.prune.allocation import kept_widths
from edgegan.prune.channels import prepared, prune
from edgegan.prune.how import CRITERIA, How
from edgegan.prune.layers import layered
from tests.conftest import LATENT, PHOTO
from tests.subjects import TinyCyclegan, TinyDcgan, randomized


def lost(graph, how, share=0.3):
    """Mean squared change of the picture by pruning alone, and the multiply-accumulates left."""
    smaller, _ = prune(graph, share, how).value
    errors = []
    with torch.no_grad():
        for seed in range(16):
            inputs = graph.example_inputs(seed)
            errors.append((smaller.module(*inputs) - graph.module(*inputs)).square().mean())
    return torch.stack(errors).mean().item(), cost.macs(smaller)


@pytest.mark.parametrize("make,spec", [(TinyDcgan, LATENT), (TinyCyclegan, PHOTO)])
@pytest.mark.parametrize("name", CRITERIA)
def test_every_criterion_gives_a_smaller_network_of_the_same_shape(name, make, spec):
    graph = capture(randomized(make()), spec)
    smaller, _ = prune(graph, 0.5, How(criterion=name)).value
    assert smaller.output_shape == graph.output_shape and cost.macs(smaller) < 0.75 * cost.macs(graph)


def test_sensitivity_loses_less_of_the_picture_than_chance():
    graph = capture(randomized(TinyDcgan()), LATENT)
    by_chance = [lost(graph, How(criterion="random", seed=seed)) for seed in range(8)]
    by_sensitivity = [lost(graph, How(criterion="sensitivity", seed=seed)) for seed in range(3)]
    assert {macs for _, macs in by_chance} == {macs for _, macs in by_sensitivity}
    mean = sum(error for error, _ in by_chance) / len(by_chance)
    assert max(error for error, _ in by_sensitivity) < 0.8 * mean


def test_sensitivity_finds_channels_that_change_nothing():
    module = randomized(TinyDcgan())
    norm = next(m for m in module.modules() if isinstance(m, torch.nn.BatchNorm2d))
    with torch.no_grad():
        norm.weight[1::2] *= 1e-4
        norm.bias[1::2] *= 1e-4
    graph = capture(module, LATENT)
    assert lost(graph, How(criterion="sensitivity"))[0] < 0.5 * lost(graph, How(criterion="random"))[0]


def test_the_same_seed_removes_the_same_channels():
    graph = capture(randomized(TinyDcgan()), LATENT)
    for name in CRITERIA:
        one, other = (lost(graph, How(criterion=name, seed=3)) for _ in range(2))
        assert one == other


def test_protected_layers_keep_their_channels():
    graph = capture(randomized(TinyDcgan()), LATENT)
    _, network = prune(graph, 0.5).value
    names = [name for name, m in network.named_modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    first = names[0]
    whole = layered(prepared(graph)).get_submodule(first).out_channels
    _, kept = prune(graph, 0.5, How(keep=(first,))).value
    assert kept.get_submodule(first).out_channels == whole > network.get_submodule(first).out_channels
    with pytest.raises(UsageError, match="no layer has that name"):
        prune(graph, 0.5, How(keep=("nothing",)))
    with pytest.raises(ModelError, match="no channels can be pruned"):
        prune(graph, 0.5, How(keep=("*",)))


def test_allocation_of_one_takes_the_same_share_everywhere():
    assert kept_widths([64, 128, 256], 0.5, 1.0) == [32, 64, 128]
    narrow, _, wide = kept_widths([64, 128, 256], 0.5, 0.5)
    assert narrow / 64 > wide / 256
