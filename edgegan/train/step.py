"""One step: the discriminators' updates where there are any, then the generators'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from accelerate import Accelerator

from edgegan.train.averaging import average_into
from edgegan.train.batches import Batch
from edgegan.train.checkpoint import State
from edgegan.train.recipe import Recipe

AVERAGE_WARM_UP = 10


def micro_batches_per_step(recipe: Recipe) -> int:
    return recipe.discriminator_steps * recipe.accumulate


def train_step(
    state: State, batches: Iterator[Batch], recipe: Recipe, accelerator: Accelerator
) -> dict[str, torch.Tensor]:
    """Advance ``state`` by one step and return its loss terms, each a detached scalar."""
    objective, bare = state.objective, state.objective.networks
    objective.before_step(state.step)
    rows: list[dict[str, torch.Tensor]] = []
    made: Batch | None = None
    for turn in range(recipe.discriminator_steps):
        parts = [
            _prepare(next(batches), state, turn * recipe.accumulate + part, accelerator)
            for part in range(recipe.accumulate)
        ]
        if objective.critic_names:
            keep = recipe.accumulate == 1 and turn == recipe.discriminator_steps - 1
            made = _critics_turn(state, parts, keep, rows, accelerator)
    generators = {name: network for name, network in state.networks.items() if name not in objective.critic_names}
    judges: Mapping[str, torch.nn.Module] = generators | {
        name: bare[name].requires_grad_(False) for name in objective.critic_names
    }
    for batch in parts:
        terms = objective.generator_terms(judges, batch, made or objective.produce(state.networks, batch))
        accelerator.backward(sum(terms.values()) / recipe.accumulate)
        rows.append(terms)
    _update(state.optimizers["generator"], [bare[name] for name in generators], recipe, accelerator)
    for name in objective.critic_names:
        bare[name].requires_grad_(True)
    average_into(state.average, bare["generator"], min(recipe.ema, (1 + state.step) / (AVERAGE_WARM_UP + state.step)))
    state.step += 1
    return _means(rows)


def _critics_turn(
    state: State, parts: list[Batch], keep: bool, rows: list[dict[str, torch.Tensor]], accelerator: Accelerator
) -> Batch | None:
    """The discriminators' update on ``parts``; what the generators made of the last, with gradients, to ``keep``."""
    objective, recipe = state.objective, state.objective.recipe
    for batch in parts:
        with torch.set_grad_enabled(keep):
            made = objective.produce(state.networks, batch)
        terms = objective.critic_terms(state.networks, batch, {k: v.detach() for k, v in made.items()}, state.step)
        accelerator.backward(sum(terms.values()) / recipe.accumulate)
        rows.append(terms)
    critics = [objective.networks[name] for name in objective.critic_names]
    _update(state.optimizers["discriminator"], critics, recipe, accelerator)
    objective.after_critic_step(state.step)
    return made if keep else None


def _prepare(batch: Batch, state: State, part: int, accelerator: Accelerator) -> Batch:
    """Pictures as floats in -1..1, channels first, on the device; the noise beside them."""
    rng = np.random.default_rng([state.objective.recipe.seed, 2, state.step, part])
    noise = state.objective.noise(batch, rng, accelerator.process_index, accelerator.num_processes)
    ready = {}
    for name, values in (batch | noise).items():
        values = values.to(accelerator.device, non_blocking=True)
        ready[name] = (
            values.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0).contiguous()
            if values.dtype == torch.uint8
            else values
        )
    return ready


def _update(
    optimizer: torch.optim.Optimizer, networks: list[torch.nn.Module], recipe: Recipe, accelerator: Accelerator
) -> None:
    if recipe.clip_norm:
        accelerator.clip_grad_norm_([p for network in networks for p in network.parameters()], recipe.clip_norm)
    optimizer.step()
    optimizer.zero_grad()


def _means(rows: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of each term over its passes; a term of both sides counts once, as the generator's."""
    by_name: dict[str, list[torch.Tensor]] = {}
    for row in rows:
        for name, value in row.items():
            by_name.setdefault(name, []).append(value.detach().float())
    return {name: torch.stack(values).mean() for name, values in by_name.items()}
