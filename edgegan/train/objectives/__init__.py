"""What each family of the zoo learns from: a row per family."""

from __future__ import annotations

from edgegan.models.zoo import ZooModel
from edgegan.train.objectives.base import Objective
from edgegan.train.objectives.latent import Conditional, Information, Latent
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


def make_objective(model: ZooModel, recipe: Recipe) -> Objective:
    """Fresh networks and losses for one run."""
    return OBJECTIVES[model.family](model, recipe)
