"""Pictures with their wanted outputs: pix2pix, and super-resolution."""

from __future__ import annotations

import numpy as np
import torch

from edgegan.models.zoo import ZooModel
from edgegan.train import losses
from edgegan.train.batches import Batch, PairedBatches
from edgegan.train.objectives.base import Networks, Objective, Terms
from edgegan.train.recipe import Recipe


class Paired(Objective):
    """The discriminator judges the output beside its input; L1 to the wanted output counts too."""

    batches = PairedBatches

    def __init__(self, model: ZooModel, recipe: Recipe) -> None:
        super().__init__(model, recipe)
        self._perceptual: torch.nn.Module | None = None

    def noise(self, batch: Batch, rng: np.random.Generator, rank: int, world: int) -> Batch:
        return {"mix": self.mixing(len(batch["target"]), rng, rank, world)} if self.recipe.penalty == "gradient" else {}

    def judged(self, batch: Batch, output: torch.Tensor) -> torch.Tensor:
        """What the discriminator is shown for an output."""
        return torch.cat([batch["input"], output], 1)

    def produce(self, networks: Networks, batch: Batch) -> Batch:
        return {"image": networks["generator"](batch["input"])}

    def critic_terms(self, networks: Networks, batch: Batch, made: Batch, step: int) -> Terms:
        critic = networks["discriminator"]
        real, fake = self.judged(batch, batch["target"]), self.judged(batch, made["image"])
        terms = {"discriminator": self.critic_loss(critic(real), critic(fake))}
        return terms | self.penalty(critic, real, fake, batch.get("mix", real), step)

    def generator_terms(self, networks: Networks, batch: Batch, made: Batch) -> Terms:
        recipe = self.recipe
        terms = {
            "generator": recipe.adversarial_weight
            * self.generator_loss(networks["discriminator"](self.judged(batch, made["image"]))),
            "paired": recipe.paired_weight * losses.paired(batch["target"], made["image"]),
        }
        if recipe.perceptual_weight:
            terms["perceptual"] = recipe.perceptual_weight * self._distance(batch["target"], made["image"])
        return terms

    def _distance(self, wanted: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
        from edgegan.metrics.features import PerceptualDistance

        if self._perceptual is None:
            self._perceptual = PerceptualDistance().to(made.device)
        distance: torch.Tensor = self._perceptual(wanted, made)
        return distance


class SuperResolution(Paired):
    """As Paired, but the discriminator sees the large picture alone."""

    def judged(self, batch: Batch, output: torch.Tensor) -> torch.Tensor:
        return output
