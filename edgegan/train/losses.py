"""Losses as pure functions of logits and pictures, each with its source; logits of any shape, a scalar out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.functional import cross_entropy, mse_loss, relu, softplus

from edgegan.core.errors import UsageError, nearest

CriticLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
GeneratorLoss = Callable[[torch.Tensor], torch.Tensor]


def non_saturating_discriminator(
    real_logits: torch.Tensor, fake_logits: torch.Tensor, smoothing: float = 0.0
) -> torch.Tensor:
    """mean(-log sigmoid(D(x))) + mean(-log(1 - sigmoid(D(G(z))))); Goodfellow et al. 2014, arXiv:1406.2661, section 3.

    ``smoothing`` s makes the real target 1 - s, on that side alone; Salimans et al. 2016, arXiv:1606.03498, section
    3.4.
    """
    real = (1 - smoothing) * softplus(-real_logits).mean() + smoothing * softplus(real_logits).mean()
    return real + softplus(fake_logits).mean()


def non_saturating_generator(fake_logits: torch.Tensor) -> torch.Tensor:
    """mean(-log sigmoid(D(G(z)))). Same source."""
    return softplus(-fake_logits).mean()


def minimax_generator(fake_logits: torch.Tensor) -> torch.Tensor:
    """mean(log(1 - sigmoid(D(G(z))))), the game's own value. Same source, equation 1."""
    return -softplus(fake_logits).mean()


def wasserstein_critic(real_scores: torch.Tensor, fake_scores: torch.Tensor) -> torch.Tensor:
    """mean(D(G(z))) - mean(D(x)); Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1."""
    return fake_scores.mean() - real_scores.mean()


def wasserstein_generator(fake_scores: torch.Tensor) -> torch.Tensor:
    """-mean(D(G(z))). Same source."""
    return -fake_scores.mean()


def least_squares_discriminator(
    real_scores: torch.Tensor, fake_scores: torch.Tensor, smoothing: float = 0.0
) -> torch.Tensor:
    """(mean((D(x) - 1 + s)^2) + mean(D(G(z))^2)) / 2; Mao et al. 2017, arXiv:1611.04076, equation 9."""
    return ((real_scores - 1 + smoothing).square().mean() + fake_scores.square().mean()) / 2


def least_squares_generator(fake_scores: torch.Tensor) -> torch.Tensor:
    """mean((D(G(z)) - 1)^2) / 2. Same source."""
    return (fake_scores - 1).square().mean() / 2


def hinge_discriminator(real_scores: torch.Tensor, fake_scores: torch.Tensor) -> torch.Tensor:
    """mean(max(0, 1 - D(x))) + mean(max(0, 1 + D(G(z)))); Lim, Ye 2017, arXiv:1705.02894."""
    return relu(1 - real_scores).mean() + relu(1 + fake_scores).mean()


def cycle(original: torch.Tensor, returned: torch.Tensor) -> torch.Tensor:
    """mean |G_BA(G_AB(a)) - a|; Zhu et al. 2017, arXiv:1703.10593, equation 2."""
    return (returned - original).abs().mean()


def identity(target: torch.Tensor, translated: torch.Tensor) -> torch.Tensor:
    """mean |G_AB(b) - b|: a picture of the target domain stays as it is. Same source, section 5.2."""
    return (translated - target).abs().mean()


def paired(wanted: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
    """mean |y - G(x)|; Isola et al. 2017, arXiv:1611.07004, equation 3."""
    return (made - wanted).abs().mean()


def mutual_information(
    category: torch.Tensor, category_logits: torch.Tensor, codes: torch.Tensor, found_codes: torch.Tensor
) -> torch.Tensor:
    """Cross-entropy of the category (N, K, one-hot) plus half the squared error of the codes (N, C), summed over them.

    The variational bound of Chen et al. 2016, arXiv:1606.03657, equation 5, with a Gaussian of unit variance for the
    codes, without its constants.
    """
    return cross_entropy(category_logits, category) + mse_loss(found_codes, codes, reduction="sum") / (2 * len(codes))


_ADVERSARIAL: dict[str, tuple[Callable[..., torch.Tensor], GeneratorLoss, bool]] = {
    "non-saturating": (non_saturating_discriminator, non_saturating_generator, True),
    "minimax": (non_saturating_discriminator, minimax_generator, True),
    "wasserstein": (wasserstein_critic, wasserstein_generator, False),
    "least-squares": (least_squares_discriminator, least_squares_generator, True),
    "hinge": (hinge_discriminator, wasserstein_generator, False),
}


def adversarial(name: str, smoothing: float = 0.0) -> tuple[CriticLoss, GeneratorLoss]:
    """The two sides of a named game. UsageError for an unknown name, or smoothing where there is no target to
    smooth."""
    if name not in _ADVERSARIAL:
        raise UsageError(f"recipe: there is no loss {name!r}; {nearest(name, _ADVERSARIAL)}")
    critic, generator, has_target = _ADVERSARIAL[name]
    if not smoothing:
        return critic, generator
    if not has_target:
        raise UsageError(
            f"recipe: label_smoothing = {smoothing:g} has no meaning for the {name} loss, which has no target; set it "
            "to 0"
        )
    return lambda real, fake: critic(real, fake, smoothing), generator
