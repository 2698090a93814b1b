"""Pictures from noise: unconditional, conditional on a class, and with codes to be found again (InfoGAN)."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import one_hot

from edgegan.core.spec import TensorSpec
from edgegan.models.zoo import ZooModel
from edgegan.train.batches import Batch, LabelledBatches
from edgegan.train.losses import mutual_information
from edgegan.train.objectives.base import Networks, Objective, Terms
from edgegan.train.recipe import Recipe


class Latent(Objective):
    """One latent in, one picture out."""

    def noise(self, batch: Batch, rng: np.random.Generator, rank: int, world: int) -> Batch:
        count = len(batch["image"])
        drawn = {
            spec.name: self.draw_input(spec.name, count, rng, rank, world)
            for spec in self.model.spec.inputs
            if self.drawn(spec.kind)
        }
        if self.recipe.penalty == "gradient":
            drawn["mix"] = self.mixing(count, rng, rank, world)
        return drawn

    def drawn(self, kind: str) -> bool:
        return True

    def inputs(self, batch: Batch) -> list[torch.Tensor]:
        return [batch[spec.name] for spec in self.model.spec.inputs]

    def condition(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        """What the discriminator is told besides the picture."""
        return ()

    def produce(self, networks: Networks, batch: Batch) -> Batch:
        return {"image": networks["generator"](*self.inputs(batch))}

    def critic_terms(self, networks: Networks, batch: Batch, made: Batch, step: int) -> Terms:
        condition, critic = self.condition(batch), networks["discriminator"]
        terms = {
            "discriminator": self.critic_loss(critic(batch["image"], *condition), critic(made["image"], *condition))
        }
        if self.recipe.penalty == "gradient" or self.recipe.penalty == "r1":
            terms |= self.penalty(
                lambda x: critic(x, *condition), batch["image"], made["image"], batch.get("mix", batch["image"]), step
            )
        return terms

    def generator_terms(self, networks: Networks, batch: Batch, made: Batch) -> Terms:
        return {
            "generator": self.recipe.adversarial_weight
            * self.generator_loss(networks["discriminator"](made["image"], *self.condition(batch)))
        }

    def before_step(self, step: int) -> None:
        if self.recipe.fade_steps:
            for network in self.networks.values():
                fade = getattr(network, "fade", None)
                if fade is not None:
                    fade.fill_(min(1.0, (step + 1) / self.recipe.fade_steps))


class Conditional(Latent):
    """The class goes in beside the latent; the discriminator is told it too."""

    batches = LabelledBatches

    def drawn(self, kind: str) -> bool:
        return kind == "latent"

    def inputs(self, batch: Batch) -> list[torch.Tensor]:
        return [
            batch[spec.name] if spec.kind == "latent" else self._class(spec, batch["label"])
            for spec in self.model.spec.inputs
        ]

    @staticmethod
    def _class(spec: TensorSpec, label: torch.Tensor) -> torch.Tensor:
        assert spec.classes is not None
        return label if spec.kind == "label" else one_hot(label, spec.classes).float()

    def condition(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        return (batch["label"],)


class Information(Latent):
    """A category and codes drawn beside the noise; the discriminator's second head must find them in the picture."""

    def __init__(self, model: ZooModel, recipe: Recipe) -> None:
        super().__init__(model, recipe)
        kinds = [spec.name for spec in model.spec.inputs]
        self.category, self.codes = kinds[1], kinds[2]

    def critic_terms(self, networks: Networks, batch: Batch, made: Batch, step: int) -> Terms:
        critic = networks["discriminator"]
        (real, *_), (fake, *guesses) = critic(batch["image"]), critic(made["image"])
        terms = {"discriminator": self.critic_loss(real, fake), "information": self._information(batch, guesses)}
        return terms | self.penalty(
            lambda x: critic(x)[0], batch["image"], made["image"], batch.get("mix", batch["image"]), step
        )

    def generator_terms(self, networks: Networks, batch: Batch, made: Batch) -> Terms:
        fake, *guesses = networks["discriminator"](made["image"])
        return {
            "generator": self.recipe.adversarial_weight * self.generator_loss(fake),
            "information": self._information(batch, guesses),
        }

    def _information(self, batch: Batch, guesses: list[torch.Tensor]) -> torch.Tensor:
        return self.recipe.information_weight * mutual_information(
            batch[self.category], guesses[0], batch[self.codes], guesses[1]
        )
