"""The contract between the loop and what is learned: networks, one pass of the generators, two sets of loss terms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from edgegan.core.sampling import draw
from edgegan.models.zoo import ZooModel
from edgegan.train import penalties
from edgegan.train.batches import Batch, Batches
from edgegan.train.losses import adversarial
from edgegan.train.recipe import Recipe

Networks = Mapping[str, Callable[..., Any]]
Terms = dict[str, torch.Tensor]


class Objective(ABC):
    """Networks by name; ``generator`` is the one that is deployed. Terms are summed; each is logged under its name."""

    batches: type[Batches] = Batches
    critic_names: tuple[str, ...] = ("discriminator",)

    def __init__(self, model: ZooModel, recipe: Recipe) -> None:
        self.model, self.recipe = model, recipe
        self.critic_loss, self.generator_loss = adversarial(recipe.loss, recipe.label_smoothing)
        self.networks = self.make_networks()

    def make_networks(self) -> dict[str, nn.Module]:
        return {"generator": self.model.build().train(), "discriminator": self.model.build_discriminator()}

    def noise(self, batch: Batch, rng: np.random.Generator, rank: int, world: int) -> Batch:
        """What the generators are given besides the data, nothing unless an objective says so: float tensors, this
        process's share of the whole batch's."""
        return {}

    @abstractmethod
    def produce(self, networks: Networks, batch: Batch) -> Batch:
        """One pass of the generators, with gradients where they are on."""

    @abstractmethod
    def critic_terms(self, networks: Networks, batch: Batch, made: Batch, step: int) -> Terms:
        """The discriminators' losses; ``made`` carries no gradients."""

    @abstractmethod
    def generator_terms(self, networks: Networks, batch: Batch, made: Batch) -> Terms:
        """The generators' losses; the discriminators' weights are frozen."""

    def after_critic_step(self, step: int) -> None:
        """Weight clipping, where the recipe asks for it."""
        if self.recipe.penalty == "clip":
            for name in self.critic_names:
                penalties.clip_weights(self.networks[name].parameters(), self.recipe.penalty_weight)

    def penalty(
        self, critic: penalties.Critic, real: torch.Tensor, fake: torch.Tensor, mix: torch.Tensor, step: int
    ) -> Terms:
        """The recipe's gradient penalty, weighted for the steps on which it is left out; nothing on those."""
        recipe = self.recipe
        if recipe.penalty not in ("gradient", "r1") or step % recipe.penalty_every:
            return {}
        weight = recipe.penalty_weight * recipe.penalty_every
        penalty = (
            penalties.gradient_penalty(critic, real, fake, mix)
            if recipe.penalty == "gradient"
            else penalties.r1(critic, real)
        )
        return {"penalty": weight * penalty}

    def before_step(self, step: int) -> None:
        """Schedules: a progressive model's fade."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold besides networks and optimizers: plain values and tensors."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Take ``state()`` back."""

    def mixing(self, count: int, rng: np.random.Generator, rank: int, world: int) -> torch.Tensor:
        """Uniform shares (count,) for the gradient penalty."""
        return torch.from_numpy(_share(rng.random(count * world, dtype=np.float32), rank, world))

    def draw_input(self, name: str, count: int, rng: np.random.Generator, rank: int, world: int) -> torch.Tensor:
        """This process's share of the draws for all processes, so that a run does not depend on how many there are."""
        spec = next(i for i in self.model.spec.inputs if i.name == name)
        return torch.from_numpy(_share(draw(spec, count * world, rng), rank, world))


def _share(values: np.ndarray, rank: int, world: int) -> np.ndarray:
    each = len(values) // world
    return values[rank * each : (rank + 1) * each]
