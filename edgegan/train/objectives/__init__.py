"""What each family of the zoo learns from, a row per family; and what any of several may learn before."""

from __future__ import annotations

from pathlib import Path

from edgegan.core.errors import ModelError
from edgegan.models.weights_file import load_weights, read_weights
from edgegan.models.zoo import ZooModel
from edgegan.train.objectives.base import Objective
from edgegan.train.objectives.latent import Conditional, Information, Latent
from edgegan.train.objectives.masked import Masked
from edgegan.train.objectives.paired import Paired, SuperResolution
from edgegan.train.objectives.unpaired import Unpaired
from edgegan.train.recipe import Recipe

OBJECTIVES: dict[str, type[Objective]] = {
    "gan": Latent,
    "dcgan": Latent,
    "upconv": Latent,
    "progan": Latent,
    "cgan": Conditional,
    "biggan": Conditional,
    "infogan": Information,
    "cyclegan": Unpaired,
    "pix2pix": Paired,
    "srgan": SuperResolution,
    "esrgan": SuperResolution,
}


PRETEXTS: dict[str, type[Objective]] = {"masked": Masked}


def objective_of(model: ZooModel, recipe: Recipe) -> type[Objective]:
    """What a run learns from: the pretext that the recipe names, else what the model's family does."""
    return PRETEXTS[recipe.objective] if recipe.objective else OBJECTIVES[model.family]


def make_objective(model: ZooModel, recipe: Recipe) -> Objective:
    """Networks and losses for one run, fresh, but for a generator that begins from weights (``start``)."""
    objective = objective_of(model, recipe)(model, recipe)
    if recipe.start:
        try:
            load_weights(objective.networks["generator"], read_weights(Path(recipe.start), None), Path(recipe.start))
        except ModelError as exc:
            raise ModelError(f"recipe: start = {recipe.start!r}: {exc}") from exc
    return objective
