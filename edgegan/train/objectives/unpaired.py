"""CycleGAN: two translations that undo each other, learned from two domains without pairs."""

from __future__ import annotations

from typing import Any

from torch import nn

from edgegan.core.errors import UsageError
from edgegan.models.zoo import ZooModel
from edgegan.train import losses
from edgegan.train.batches import Batch, UnpairedBatches
from edgegan.train.objectives.base import Networks, Objective, Terms
from edgegan.train.pool import ImagePool
from edgegan.train.recipe import Recipe


class Unpaired(Objective):
    """``generator`` takes a to b, ``back`` b to a; a discriminator for each domain."""

    batches = UnpairedBatches
    critic_names = ("discriminator", "discriminator_a")

    def __init__(self, model: ZooModel, recipe: Recipe) -> None:
        super().__init__(model, recipe)
        if recipe.penalty in ("gradient", "r1"):
            raise UsageError(f"recipe: penalty = {recipe.penalty!r} is not for unpaired models; use none or clip")
        self.pools = {"a": ImagePool(recipe.pool, recipe.seed), "b": ImagePool(recipe.pool, recipe.seed + 1)}

    def make_networks(self) -> dict[str, nn.Module]:
        return super().make_networks() | {
            "back": self.model.build().train(),
            "discriminator_a": self.model.build_discriminator(),
        }

    def produce(self, networks: Networks, batch: Batch) -> Batch:
        there, back = networks["generator"], networks["back"]
        made = {"b": there(batch["a"]), "a": back(batch["b"])}
        return made

    def critic_terms(self, networks: Networks, batch: Batch, made: Batch, step: int) -> Terms:
        return {
            "discriminator": self.critic_loss(
                networks["discriminator"](batch["b"]), networks["discriminator"](self.pools["b"].exchange(made["b"]))
            ),
            "discriminator_a": self.critic_loss(
                networks["discriminator_a"](batch["a"]),
                networks["discriminator_a"](self.pools["a"].exchange(made["a"])),
            ),
        }

    def generator_terms(self, networks: Networks, batch: Batch, made: Batch) -> Terms:
        recipe, there, back = self.recipe, networks["generator"], networks["back"]
        terms = {
            "generator": recipe.adversarial_weight * self.generator_loss(networks["discriminator"](made["b"])),
            "generator_a": recipe.adversarial_weight * self.generator_loss(networks["discriminator_a"](made["a"])),
            "cycle": recipe.cycle_weight
            * (losses.cycle(batch["a"], back(made["b"])) + losses.cycle(batch["b"], there(made["a"]))),
        }
        if recipe.identity_weight:
            terms["identity"] = recipe.identity_weight * (
                losses.identity(batch["b"], there(batch["b"])) + losses.identity(batch["a"], back(batch["a"]))
            )
        return terms

    def state(self) -> dict[str, Any]:
        return {name: pool.state() for name, pool in self.pools.items()}

    def restore(self, state: dict[str, Any]) -> None:
        for name, pool in self.pools.items():
            pool.restore(state[name])
