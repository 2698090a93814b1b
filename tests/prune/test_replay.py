"""A step of training as a CUDA graph; the rate of an optimizer; a checkpoint that goes on on another device."""

from __future__ import annotations

import pytest
import torch

from edgegan.prune.channels import prune
from edgegan.prune.distil import distil
from edgegan.prune.lesson import Lesson
from edgegan.prune.rates import adam, set_rate
from edgegan.prune.settings import Settings
from edgegan.runtime.replay import WARM, Replay

gpu = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")]
DEVICES = ["cpu", pytest.param("cuda", marks=gpu)]


def lesson_on(graph, device, steps=40, **settings):
    torch.manual_seed(0)
    _, student = prune(graph, 0.5).value
    return Lesson(graph, student, Settings(steps=steps, batch=8, device=device, **settings), None)


@pytest.mark.parametrize("device", DEVICES)
def test_work_is_done_once_a_call_with_the_inputs_of_that_call(device):
    total = torch.zeros(2, device=device)
    replay = Replay(lambda given: total.add_(given).clone(), device)
    found = [replay(torch.full((2,), float(number), device=device)).tolist() for number in range(WARM + 6)]
    assert found == [[sum(range(number + 1))] * 2 for number in range(WARM + 6)]
    assert replay.refused is None


@pytest.mark.parametrize("device", DEVICES)
def test_inputs_of_another_shape_are_other_work(device):
    replay = Replay(lambda given: given * 2, device)
    for size in [3] * (WARM + 2) + [5] * (WARM + 2) + [3] * 2:
        given = torch.arange(float(size), device=device)
        assert replay(given).tolist() == (2 * given).tolist()


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=gpu)])
def test_work_that_waits_for_the_host_is_done_without_a_graph_and_said(device):
    replay = Replay(lambda given: given + given.sum().item(), device)
    for _ in range(WARM + 3):
        assert replay(torch.ones(2, device=device)).tolist() == [3.0, 3.0]
    assert replay.refused


@pytest.mark.parametrize("device", DEVICES)
def test_a_rate_that_changes_is_adams_own(device):
    """Against an optimizer that is made anew with the other rate and the same state."""
    torch.manual_seed(0)
    ours, plain = (torch.nn.Linear(3, 2).to(device) for _ in range(2))
    plain.load_state_dict(ours.state_dict())
    optimizer = adam(list(ours.parameters()), 0.1, device)
    reference = torch.optim.Adam(plain.parameters(), 0.1, betas=(0.5, 0.99))
    for rate in (0.1, 0.03, 0.01):
        set_rate(optimizer, rate)
        reference.param_groups[0]["lr"] = rate
        given = torch.randn(4, 3, device=device)
        for network, each in ((ours, optimizer), (plain, reference)):
            each.zero_grad()
            network(given).square().sum().backward()
            each.step()
    torch.testing.assert_close(ours.weight, plain.weight)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_student_learns_on_a_gpu_as_on_a_cpu(dcgan_graph):
    with torch.backends.cudnn.flags(allow_tf32=False):
        lessons = [lesson_on(dcgan_graph, device) for device in ("cpu", "cuda")]
        for step in range(30):
            for lesson in lessons:
                lesson.advance(step)
    assert lessons[1].learn._graph is not None and lessons[1].learn.refused is None
    assert lessons[1].error() == pytest.approx(lessons[0].error(), rel=0.02)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
@pytest.mark.parametrize("order", [("cpu", "cuda"), ("cuda", "cpu"), ("cuda", "cuda")])
def test_a_checkpoint_goes_on_on_another_device(dcgan_graph, tmp_path, order):
    with torch.backends.cudnn.flags(allow_tf32=False):
        whole = lesson_on(dcgan_graph, "cpu")
        for step in range(20):
            whole.advance(step)
        first = lesson_on(dcgan_graph, order[0])
        for step in range(10):
            first.advance(step)
        first.save(tmp_path / "lesson.pt")
        second = lesson_on(dcgan_graph, order[1])
        second.resume(tmp_path / "lesson.pt")
        for step in range(second.step, 20):
            second.advance(step)
    assert second.error() == pytest.approx(whole.error(), rel=0.02)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_student_that_left_goes_back_on_a_gpu_too(dcgan_graph):
    _, student = prune(dcgan_graph, 0.5).value
    settings = Settings(
        steps=24, batch=8, checkpoint_every=8, lr=1e9, clip=float("inf"), ema=0.0, features=0.0, device="cuda"
    )
    notes = distil(dcgan_graph, student, settings).notes
    assert "back to the last good state" in notes[0]
    assert all(torch.isfinite(weight).all() for weight in student.parameters())
