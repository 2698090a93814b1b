"""Losses beside what PyWavelets-like textbooks and PyTorch's own operators say, and training that goes back."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from edgegan.core.errors import ModelError, UsageError
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph.capture import capture
from edgegan.metrics.lpips import lpips
from edgegan.prune.channels import prune
from edgegan.prune.crops import crops
from edgegan.prune.distil import distil
from edgegan.prune.lesson import Lesson
from edgegan.prune.looking import LookingLoss
from edgegan.prune.losses import _haar, paired_loss, relation_loss, wavelet_loss
from edgegan.prune.settings import Settings, weights_of
from tests.subjects import randomized


def test_bands_are_those_of_haars_filters():
    """Each band is a strided convolution with the outer product of (1, 1) and (1, -1) over two."""
    torch.manual_seed(0)
    image = torch.randn(2, 3, 9, 12)
    low, high = torch.tensor([1.0, 1.0]), torch.tensor([1.0, -1.0])
    coarse, bands = _haar(image)
    for found, (rows, columns) in zip(
        [coarse, *bands], [(low, low), (low, high), (high, low), (high, high)], strict=True
    ):
        kernel = (torch.outer(rows, columns) / 2).expand(3, 1, 2, 2)
        torch.testing.assert_close(found, F.conv2d(image[:, :, :8], kernel, stride=2, groups=3))
    even = image[:, :, :8]
    torch.testing.assert_close(sum(b.square().sum() for b in [coarse, *bands]), even.square().sum())


def test_a_constant_more_changes_no_high_band_and_detail_does():
    torch.manual_seed(0)
    image = torch.randn(2, 3, 16, 16)
    assert wavelet_loss(image + 0.5, image) < 1e-6 < paired_loss(image + 0.5, image)
    assert wavelet_loss(F.avg_pool2d(image, 3, 1, 1), image) > 0.1


def test_relations_look_at_no_channel_by_itself():
    torch.manual_seed(0)
    features = torch.randn(4, 8, 8, 8)
    turned = F.conv2d(features, torch.linalg.qr(torch.randn(8, 8))[0][:, :, None, None])
    assert relation_loss([turned], [features]) < 1e-8
    assert relation_loss([torch.randn(4, 5, 8, 8)], [features]) > 1e-3


@pytest.mark.parametrize("name", ["wavelet", "layers", "relations"])
def test_each_loss_falls_when_it_is_what_is_learnt(dcgan_graph, name):
    def last(steps):
        _, student = prune(dcgan_graph, 0.5).value
        only = {"pixels": 0.0, "features": 0.0, "adversarial": 0.0, name: 1.0}
        lesson = Lesson(dcgan_graph, student, Settings(steps=80, batch=16, **only), None)
        losses = []
        paired = lesson._paired
        lesson._paired = lambda *given: losses.append(paired(*given)) or losses[-1]
        for step in range(steps):
            lesson.advance(step)
        return [loss.item() for loss in losses]

    losses = last(60)
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_how_different_pictures_look_is_the_metric_and_can_be_differentiated():
    torch.manual_seed(0)
    wanted, output = torch.rand(2, 3, 48, 40), torch.rand(2, 3, 48, 40, requires_grad=True)
    with torch.no_grad():
        wanted[:, :, :16] = 0.0
        output[:, :, :16] = 0.0
    loss = LookingLoss((1, 3, 48, 40), (0.0, 1.0))(output, wanted)
    # Two ways from bytes to the same float32 sums.
    assert loss.item() == pytest.approx(lpips(wanted.numpy(), output.detach().numpy(), (0.0, 1.0)), rel=1e-5)
    loss.backward()
    assert torch.isfinite(output.grad).all() and output.grad.abs().max() > 0
    with pytest.raises(ModelError, match="32 pixels a side at least; these are 3x16x16"):
        LookingLoss((1, 3, 16, 16), (0.0, 1.0))


def test_weights_of_losses_are_read_and_checked():
    assert weights_of(["wavelet=0.5", "features=0"]) == {"wavelet": 0.5, "features": 0.0}
    for text, told in (("wavlet=1", "wavelet"), ("wavelet", "NAME=WEIGHT"), ("wavelet=-1", "from 0 on")):
        with pytest.raises(UsageError, match=told):
            weights_of([text])


def test_no_map_in_common_is_said():
    module = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 12), nn.Unflatten(1, (3, 2, 2)))
    graph = capture(module, GeneratorSpec(inputs=(TensorSpec(name="z", kind="latent", shape=(4,)),)))
    _, student = prune(graph, 0.5).value
    with pytest.raises(ModelError, match="no map in common"):
        distil(graph, student, Settings(steps=1, batch=2, relations=1.0))


def test_training_that_leaves_goes_back_and_on_at_half_the_rate(dcgan_graph):
    _, student = prune(dcgan_graph, 0.5).value
    lesson = Lesson(dcgan_graph, student, Settings(steps=40, batch=8, checkpoint_every=10), None)
    for step in range(10):
        lesson.advance(step)
    lesson.look_back()
    good, rate = {k: v.clone() for k, v in lesson.average.state_dict().items()}, lesson._rate(10)
    with torch.no_grad():
        for weight in (*lesson.student.parameters(), *lesson.average.parameters()):
            weight.fill_(float("nan"))
    lesson.advance(10)
    lesson.look_back()
    assert lesson.returns == 1 and lesson.step == 11
    assert all(torch.equal(good[name], value) for name, value in lesson.average.state_dict().items())
    lesson.advance(11)
    assert (
        lesson.optimizer.param_groups[0]["lr"] == pytest.approx(2e-3 * lesson._rate(11))
        and lesson._rate(10) == rate / 2
    )
    assert np.isfinite(lesson.error())


def test_a_network_that_diverges_is_said_to_have_gone_back(dcgan_graph):
    _, student = prune(dcgan_graph, 0.5).value
    settings = Settings(steps=12, batch=8, checkpoint_every=4, lr=1e9, clip=float("inf"), ema=0.0, features=0.0)
    notes = distil(dcgan_graph, student, settings).notes
    assert "back to the last good state" in notes[0]
    assert all(torch.isfinite(weight).all() for weight in student.parameters())


WIDE = GeneratorSpec(inputs=(TensorSpec(name="x", kind="image", shape=(3, 128, 128), range=(-1.0, 1.0)),))


def plain(norm):
    torch.manual_seed(0)
    return randomized(
        nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), norm(8), nn.ReLU(), nn.Conv2d(8, 3, 3, padding=1), nn.Tanh())
    )


def test_what_does_the_same_everywhere_learns_from_crops_and_the_rest_does_not():
    photos = np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), np.uint8)
    for norm, cropped in ((nn.BatchNorm2d, True), (nn.InstanceNorm2d, False)):
        graph = capture(plain(norm), WIDE)
        _, student = prune(graph, 0.3).value
        found = crops(graph, student, photos)
        assert (found is not None) == cropped
        notes = distil(graph, student, Settings(steps=10, batch=2), photos).notes[0]
        assert ("of 64 pixels a side" in notes) == cropped
    graph = capture(plain(nn.BatchNorm2d), WIDE)
    lesson = Lesson(graph, prune(graph, 0.3).value[1], Settings(steps=10, batch=2), photos)
    shapes = [lesson._inputs(step, cut=step < 9)[0].shape[-1] for step in (0, 8, 9)]
    assert shapes == [64, 64, 128]
    assert not torch.equal(lesson._inputs(0, cut=True)[0], lesson._inputs(1, cut=True)[0])
