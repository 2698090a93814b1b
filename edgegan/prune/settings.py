"""What distillation is told: plain values, so that options are read without PyTorch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edgegan.core.errors import UsageError, nearest

LOSSES = ("pixels", "features", "adversarial", "wavelet", "layers", "relations", "lpips")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``steps`` of Adam on ``batch`` paired samples each, the rate falling to zero along a cosine.

    The loss is ``pixels`` * L1 at three sizes + ``features`` * paired critic features - ``adversarial`` * critic score
    + ``wavelet`` * high bands + ``layers`` * features of layers through adapters + ``relations`` * how alike places are
    there + ``lpips`` * how different the pictures look. The score counts nothing for ``critic_alone`` steps and comes
    in over as many more: a critic that has learnt nothing pushes the student anywhere, and one seed in three never came
    back from there. ``ema`` averages the student's weights over its steps. Gradients are cut to a norm of ``clip``;
    every ``checkpoint_every`` steps the average is looked at, and where it is ``worst`` times as far from the teacher
    as its best, or no number, training goes on from the last state that was not, at half the rate. ``device``: where it
    is trained, as PyTorch names it; a checkpoint goes on on any.
    """

    steps: int
    batch: int = 64
    lr: float = 2e-3
    critic_lr: float = 2e-4
    pixels: float = 0.3
    features: float = 2.0
    adversarial: float = 0.3
    wavelet: float = 0.0
    layers: float = 0.0
    relations: float = 0.0
    lpips: float = 0.0
    critic_alone: int = 100
    ema: float = 0.999
    clip: float = 10.0
    worst: float = 2.0
    seed: int = 0
    checkpoint_every: int = 200
    device: str = "cpu"


def weights_of(texts: Iterable[str]) -> dict[str, Any]:
    """Weights of losses from texts such as ``wavelet=0.5``. Raises UsageError for any other."""
    weights: dict[str, Any] = {}
    for text in texts:
        name, _, weight = text.partition("=")
        if name not in LOSSES:
            raise UsageError(f"--loss {text}: there is no loss {name!r}; {nearest(name, LOSSES)}")
        try:
            weights[name] = float(weight)
        except ValueError:
            raise UsageError(f"--loss {text}: give NAME=WEIGHT, such as wavelet=0.5") from None
        if not 0 <= weights[name] < 1e6:
            raise UsageError(f"--loss {text}: a weight is a number from 0 on")
    return weights
