"""Masked reconstruction: a pretext for image-to-image generators, which draw what was hidden of a picture.

Context encoders (Pathak et al. 2016, arXiv:1604.07379) with the patches of masked autoencoders (He et al. 2022,
arXiv:2111.06377): the loss is taken where pixels were hidden, alone. No discriminator, no pairs, no labels; what is
learnt is where a run on the wanted task begins (``start`` in its recipe).
"""

from __future__ import annotations

from torch import nn

from edgegan.core.errors import UsageError
from edgegan.models.zoo import ZooModel
from edgegan.train.batches import Batch, MaskedBatches
from edgegan.train.objectives.base import Networks, Objective, Terms
from edgegan.train.recipe import Recipe


class Masked(Objective):
    """``generator`` takes a picture of which ``masked_share`` is hidden, and gives the whole."""

    batches = MaskedBatches
    critic_names = ()

    def __init__(self, model: ZooModel, recipe: Recipe) -> None:
        if not model.spec.is_image_to_image or model.spec.inputs[0].shape != model.output_shape:
            raise UsageError(
                f"recipe: objective = 'masked' is for generators that give pictures of the kind they take, and "
                f"{model.name} does not"
            )
        super().__init__(model, recipe)

    def make_networks(self) -> dict[str, nn.Module]:
        return {"generator": self.model.build().train()}

    def produce(self, networks: Networks, batch: Batch) -> Batch:
        return {"image": networks["generator"](batch["input"])}

    def critic_terms(self, networks: Networks, batch: Batch, made: Batch, step: int) -> Terms:
        return {}

    def generator_terms(self, networks: Networks, batch: Batch, made: Batch) -> Terms:
        hidden = batch["hidden"].unsqueeze(1)
        wrong = (made["image"] - batch["target"]).abs() * hidden
        return {"hidden": wrong.sum() / (hidden.sum() * wrong.shape[1]).clamp(min=1)}
