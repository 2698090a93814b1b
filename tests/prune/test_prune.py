import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from edgegan.core.errors import ModelError
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph import cost
from edgegan.graph.capture import capture
from edgegan.graph.footprint import values_made
from edgegan.prune import batch_size
from edgegan.prune.batch_size import training_batch
from edgegan.prune.channels import prune, recapture, share_for_macs_ratio
from edgegan.prune.distil import distil
from edgegan.prune.layers import layered
from edgegan.prune.settings import Settings
from tests.conftest import LATENT, PHOTO
from tests.subjects import TinyCyclegan, TinyDcgan, randomized


class Residual(nn.Module):
    """A linear start, a fixed reshape, residual blocks and a pixel shuffle: what couples and what pins channels."""

    def __init__(self, width=16):
        super().__init__()
        self.fc, self.width = nn.Linear(8, width * 16), width
        self.a, self.b, self.norm = (
            nn.Conv2d(width, width, 3, padding=1),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
        )
        self.up, self.out = nn.Conv2d(width, 4 * width, 3, padding=1), nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, z):
        x = self.fc(z.flatten(1)).view(-1, self.width, 4, 4)
        x = x + self.b(F.relu(self.norm(self.a(x))))
        return torch.tanh(self.out(F.pixel_shuffle(self.up(x), 2)))


class Volumes(nn.Module):
    """Features that are turned in space between layers over pictures, as those of talking heads."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 64, 3, padding=1), nn.Conv2d(64, 16, 3, padding=1)
        self.norm, self.deep = nn.BatchNorm3d(4), nn.Conv3d(4, 4, 1)
        self.third, self.last = nn.Conv2d(16, 64, 3, padding=1), nn.Conv2d(64, 3, 3, padding=1)

    def forward(self, x):
        x = self.second(F.relu(self.first(x))).unflatten(1, (4, 4))
        x = self.deep(F.relu(self.norm(x))).flatten(1, 2)
        return torch.tanh(self.last(F.relu(self.third(x))))


CASES = {
    "dcgan": (TinyDcgan, LATENT),
    "cyclegan": (TinyCyclegan, PHOTO),
    "residual": (Residual, LATENT),
    "volumes": (Volumes, PHOTO),
}


@pytest.mark.parametrize("name", CASES)
def test_a_layered_network_computes_the_same(name):
    make, spec = CASES[name]
    graph = capture(randomized(make()), spec)
    with torch.no_grad():
        assert torch.allclose(layered(graph)(*graph.example_inputs()), graph.module(*graph.example_inputs()), atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_half_the_channels_make_a_smaller_network_of_the_same_shape(name):
    make, spec = CASES[name]
    graph = capture(randomized(make()), spec)
    smaller, _ = prune(graph, 0.5).value
    assert smaller.output_shape == graph.output_shape
    assert cost.macs(smaller) < 0.75 * cost.macs(graph) and cost.params(smaller) < 0.75 * cost.params(graph)


def test_removing_channels_that_do_nothing_changes_nothing():
    module = randomized(TinyDcgan())
    with torch.no_grad():
        for index in (0, 3):
            module.net[index].weight[:, 8:] = 0
            module.net[index + 1].weight[8:] = 0
            module.net[index + 1].bias[8:] = 0
        module.net[3].weight[8:] = 0
        module.net[6].weight[8:] = 0
    graph = capture(module, LATENT)
    smaller, _ = prune(graph, 0.5).value
    z = {"z": np.random.default_rng(0).standard_normal((3, 8, 1, 1)).astype(np.float32)}
    np.testing.assert_allclose(smaller.run(z), graph.run(z), atol=1e-6)


def test_a_macs_ratio_is_met_and_not_much_exceeded(dcgan_graph):
    share = share_for_macs_ratio(dcgan_graph, 3.0)
    assert (
        cost.macs(prune(dcgan_graph, share).value[0])
        <= cost.macs(dcgan_graph) / 3
        < cost.macs(prune(dcgan_graph, max(0.0, share - 0.15)).value[0])
    )
    with pytest.raises(ModelError, match="out of reach"):
        share_for_macs_ratio(dcgan_graph, 1e6)


def test_nothing_to_prune_is_said():
    graph = capture(randomized(nn.Conv2d(3, 3, 3, padding=1)), PHOTO)
    with pytest.raises(ModelError, match="no channels"):
        prune(graph, 0.5)


def test_distillation_brings_the_student_closer(dcgan_graph):
    _, student = prune(dcgan_graph, 0.25).value
    z = {"z": np.random.default_rng(0).standard_normal((32, 8, 1, 1)).astype(np.float32)}
    wanted = dcgan_graph.run(z)
    before = np.abs(recapture(student, dcgan_graph).run(z) - wanted).mean()
    learned = distil(dcgan_graph, student, Settings(steps=80, batch=16)).value
    assert np.abs(recapture(learned, dcgan_graph).run(z) - wanted).mean() < 0.8 * before


def test_a_stopped_distillation_ends_where_an_unbroken_one_does(dcgan_graph, tmp_path):
    class Stop(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == 12:
            raise Stop

    settings, seen, again = Settings(steps=16, batch=4, checkpoint_every=5), [], []
    _, whole = prune(dcgan_graph, 0.5).value
    wanted = distil(dcgan_graph, whole, settings, watch=seen.append).value.state_dict()
    _, broken = prune(dcgan_graph, 0.5).value
    with pytest.raises(Stop):
        distil(dcgan_graph, broken, settings, checkpoint=tmp_path / "d.pt", progress=stop)
    _, fresh = prune(dcgan_graph, 0.5).value
    resumed = distil(dcgan_graph, fresh, settings, checkpoint=tmp_path / "d.pt", watch=again.append).value.state_dict()
    for name, value in wanted.items():
        assert torch.allclose(value, resumed[name], atol=1e-6), name
    assert [look.step for look in seen] == [look.step for look in again] == [5, 10, 15, 16]
    np.testing.assert_allclose([look.psnr_db for look in seen], [look.psnr_db for look in again], atol=1e-3)


def test_an_image_generator_is_distilled_on_its_images(photos):
    graph = capture(randomized(TinyCyclegan()), PHOTO)
    _, student = prune(graph, 0.5).value
    result = distil(graph, student, Settings(steps=3, batch=4), images=photos)
    assert "3 steps" in result.notes[0]


def test_labels_and_latents_together():
    class Conditional(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.g = nn.Embedding(4, 4), TinyDcgan()
            self.mix = nn.Linear(12, 8)

        def forward(self, z, y):
            return self.g(self.mix(torch.cat([z.flatten(1), self.embed(y)], 1))[:, :, None, None])

    spec = GeneratorSpec(inputs=(*LATENT.inputs, TensorSpec(name="y", kind="label", shape=(), classes=4)))
    graph = capture(randomized(Conditional()), spec)
    _, student = prune(graph, 0.5).value
    assert distil(graph, student, Settings(steps=2, batch=4)).seconds > 0


def test_training_that_makes_it_worse_is_said(dcgan_graph):
    result = distil(dcgan_graph, layered(dcgan_graph), Settings(steps=4, batch=4, lr=0.5, critic_alone=0))
    assert "WARNING" in result.notes[1]


def test_a_critic_that_has_learnt_nothing_does_not_teach(dcgan_graph):
    """Its score drove one seed in three of an 8x pruned DCGAN to a constant picture."""

    def learnt(adversarial, alone):
        _, student = prune(dcgan_graph, 0.5).value
        return distil(
            dcgan_graph, student, Settings(steps=6, batch=4, adversarial=adversarial, critic_alone=alone)
        ).value.state_dict()

    without, early, late = learnt(0.0, 6), learnt(0.3, 6), learnt(0.3, 2)
    assert all(torch.equal(without[k], early[k]) for k in without) and not all(
        torch.equal(without[k], late[k]) for k in without
    )


@pytest.mark.parametrize(
    "norm", [lambda: nn.GroupNorm(1, 16), lambda: nn.InstanceNorm2d(16, affine=True, track_running_stats=True)]
)
def test_channels_behind_a_norm_over_all_or_with_statistics_of_its_own_are_pruned(norm):
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        norm(),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1, groups=16),
        nn.Conv2d(16, 3, 1),
    ).eval()
    graph = capture(module, GeneratorSpec(inputs=(TensorSpec(name="x", kind="latent", shape=(3, 8, 8)),)))
    smaller, network = prune(graph, 0.5).value
    inputs = graph.example_inputs(3)
    assert cost.macs(smaller) < 0.6 * cost.macs(graph)
    torch.testing.assert_close(network(*inputs), smaller.module(*inputs))


def test_as_many_train_at_once_as_memory_holds(dcgan_graph, monkeypatch):
    values = values_made(dcgan_graph.module, dcgan_graph.example_inputs())
    assert training_batch(dcgan_graph, 64, "cpu") == 64
    for samples, wanted in ((5, 4), (2, 2), (0.1, 1)):
        monkeypatch.setattr(batch_size, "HELD", int(4 * batch_size.COPIES * values * samples))
        assert training_batch(dcgan_graph, 64, "cpu") == wanted
    _, student = prune(dcgan_graph, 0.5).value
    assert "of 1 paired samples" in distil(dcgan_graph, student, Settings(steps=2)).notes[0]


def test_a_long_training_says_how_long_before_it_has_passed(dcgan_graph, monkeypatch):
    monkeypatch.setattr("edgegan.prune.forecast.LONG_SECONDS", 0.0)
    told = []
    _, student = prune(dcgan_graph, 0.5).value
    distil(dcgan_graph, student, Settings(steps=9, batch=4), told=told.append)
    (sentence,) = told
    assert "9 steps of 4 samples on cpu take about 0 minutes more" in sentence and "--train-device cuda" in sentence
    told.clear()
    distil(dcgan_graph, student, Settings(steps=4, batch=4), told=told.append)
    assert told == []
