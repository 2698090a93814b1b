"""Losses against SciPy and numbers worked out by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_softmax

from edgegan.core.errors import UsageError
from edgegan.train import losses
from edgegan.train.penalties import clip_weights, gradient_penalty, r1

REAL, FAKE = np.array([0.5, -1.0, 3.0]), np.array([-2.0, 0.1, 0.7])


def both(name, smoothing=0.0):
    critic, generator = losses.adversarial(name, smoothing)
    return critic(torch.from_numpy(REAL), torch.from_numpy(FAKE)).item(), generator(torch.from_numpy(FAKE)).item()


@pytest.mark.parametrize(
    "name,critic,generator",
    [
        ("non-saturating", -np.log(expit(REAL)).mean() - np.log(1 - expit(FAKE)).mean(), -np.log(expit(FAKE)).mean()),
        ("minimax", -np.log(expit(REAL)).mean() - np.log(1 - expit(FAKE)).mean(), np.log(1 - expit(FAKE)).mean()),
        ("wasserstein", -1.2 / 3 - 2.5 / 3, 1.2 / 3),
        ("least-squares", ((0.25 + 4 + 4) / 3 + (4 + 0.01 + 0.49) / 3) / 2, (9 + 0.81 + 0.09) / 6),
        ("hinge", (0.5 + 2 + 0) / 3 + (0 + 1.1 + 1.7) / 3, 1.2 / 3),
    ],
)
def test_adversarial_losses_are_the_published_formulas(name, critic, generator):
    assert both(name) == pytest.approx((critic, generator), rel=1e-12)


def test_a_discriminator_that_knows_nothing_loses_two_bits_in_nats():
    assert losses.non_saturating_discriminator(torch.zeros(4), torch.zeros(4)).item() == pytest.approx(2 * math.log(2))


@given(st.floats(0, 0.9))
def test_smoothing_is_cross_entropy_against_the_smoothed_target(smoothing):
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.from_numpy(REAL), torch.full((3,), 1 - smoothing, dtype=torch.float64)
    ).item()
    assert both("non-saturating", smoothing)[0] == pytest.approx(wanted - np.log(1 - expit(FAKE)).mean(), rel=1e-9)


def test_smoothed_least_squares_has_its_optimum_at_the_smoothed_target():
    assert losses.least_squares_discriminator(torch.full((3,), 0.9), torch.zeros(3), 0.1).item() == pytest.approx(
        0, abs=1e-12
    )


def test_smoothing_without_a_target_is_refused():
    with pytest.raises(UsageError, match="hinge"):
        losses.adversarial("hinge", 0.1)
    with pytest.raises(UsageError, match="wasserstein"):
        losses.adversarial("wasserstien")


def test_mutual_information_is_the_likelihood_of_category_and_codes():
    rng = np.random.default_rng(0)
    logits, codes, found = rng.normal(size=(5, 4)), rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    category = np.eye(4)[[0, 3, 1, 1, 2]]
    wanted = -(category * log_softmax(logits, 1)).sum(1).mean() + (0.5 * (codes - found) ** 2).sum(1).mean()
    assert losses.mutual_information(*map(torch.from_numpy, (category, logits, codes, found))).item() == pytest.approx(
        wanted
    )


def test_cycle_identity_and_paired_are_mean_absolute_differences():
    a, b = torch.tensor([[1.0, -1.0]]), torch.tensor([[0.0, 1.0]])
    assert [loss(a, b).item() for loss in (losses.cycle, losses.identity, losses.paired)] == [1.5, 1.5, 1.5]


def test_gradient_penalty_of_a_linear_critic_is_its_weights_length_minus_one_squared():
    weights = torch.tensor([3.0, 4.0])
    real, fake = torch.randn(6, 2), torch.randn(6, 2)
    assert gradient_penalty(lambda x: x @ weights, real, fake, torch.rand(6)).item() == pytest.approx(
        (5 - 1) ** 2, rel=1e-6
    )


def test_gradient_penalty_is_taken_between_the_two_and_reaches_the_weights():
    scale = torch.tensor(1.0, requires_grad=True)
    real, fake, mix = torch.tensor([[2.0]]), torch.tensor([[4.0]]), torch.tensor([0.25])
    penalty = gradient_penalty(
        lambda x: scale * (x**2).sum(1), real, fake, mix
    )  # gradient 2 * 3.5 at 0.25 * 2 + 0.75 * 4
    penalty.backward()
    assert penalty.item() == pytest.approx(36.0) and scale.grad.item() == pytest.approx(2 * 6 * 7)


def test_r1_of_a_quadratic_critic_is_half_the_mean_squared_length():
    real = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    assert r1(lambda x: (x**2).sum(1) / 2, real).item() == pytest.approx((5 + 9) / 4)


def test_clipping_bounds_every_weight():
    layer = torch.nn.Linear(8, 8)
    clip_weights(layer.parameters(), 0.01)
    assert max(p.abs().max().item() for p in layer.parameters()) <= 0.01
