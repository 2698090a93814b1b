"""Weights learnt for some minutes on photographs, kept in the user's home: how far rounding carries depends on what
layers have learnt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import l1_loss

FOLDER = Path("~/.cache/edgegan/benchmarks").expanduser()
"""Not where EDGEGAN_CACHE says: benchmarks begin with an empty cache, but not with untrained generators."""


@dataclass(frozen=True)
class Lessons:
    """Pictures (N, 3, H, W) that are given and those that are wanted for them, ``batch`` of them for each step of
    Adam on the mean absolute error; ``rate`` is its highest learning rate."""

    given: torch.Tensor
    wanted: torch.Tensor
    batch: int
    rate: float


def trained(name: str, make: Callable[[], nn.Module], steps: int, lessons: Callable[[], Lessons]) -> nn.Module:
    """What ``make`` builds, seeded, after ``steps`` of ``lessons``."""
    torch.manual_seed(0)
    generator, kept = make(), FOLDER / f"{name}-{steps}.pt"
    if not kept.exists():
        _train(generator, lessons(), steps)
        kept.parent.mkdir(parents=True, exist_ok=True)
        torch.save(generator.state_dict(), kept)
    generator.load_state_dict(torch.load(kept, weights_only=True))
    return generator.eval()


def _train(generator: nn.Module, lessons: Lessons, steps: int) -> None:
    optimizer = torch.optim.Adam(generator.parameters(), lessons.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lessons.rate, total_steps=steps)
    draws = torch.Generator().manual_seed(0)
    for step in range(steps):
        chosen = torch.randint(0, len(lessons.given), (lessons.batch,), generator=draws)
        loss = l1_loss(generator(lessons.given[chosen]), lessons.wanted[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            print(f"  step {step} of {steps}: mean absolute error {loss.item():.4f}", flush=True)
