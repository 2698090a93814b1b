"""The zoo's table: a row per model. Importing it costs nothing; building a model imports torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgegan.core.errors import ModelError, nearest
from edgegan.core.spec import GeneratorSpec, TensorSpec

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = Path(__file__).parent / "weights"
PACKAGED_IMAGES = Path(__file__).parents[1] / "calibration_data"
CHECKOUT_IMAGES = Path(__file__).parents[2] / "calibration_data"


def images_path(name: str) -> Path:
    """A shipped data file: inside an installed package, or beside it in a checkout."""
    return (PACKAGED_IMAGES if PACKAGED_IMAGES.is_dir() else CHECKOUT_IMAGES) / name


@dataclass(frozen=True, kw_only=True)
class ZooModel:
    """A generator of the zoo: where its class lives, its arguments, its spec, what ships with it."""

    name: str
    task: str
    family: str
    arguments: dict[str, Any] = field(default_factory=dict)
    spec: GeneratorSpec
    images: str | None = None

    @property
    def weights(self) -> Path | None:
        """The shipped weights (safetensors), None where none ship."""
        path = WEIGHTS / f"{self.name}.safetensors"
        return path if path.exists() else None

    def build(self) -> nn.Module:
        """The generator with fresh weights, in evaluation mode."""
        module = import_module(f"edgegan.models.{self.family}")
        generator: nn.Module = module.Generator(**self.arguments)
        return generator.eval()

    def build_discriminator(self) -> nn.Module:
        """The discriminator that the family trains this generator against, with fresh weights."""
        module = import_module(f"edgegan.models.{self.family}")
        shared = {k: v for k, v in self.arguments.items() if k in ("features", "channels", "size")}
        discriminator: nn.Module = module.Discriminator(**shared)
        return discriminator


ZOO = {
    model.name: model
    for model in [
        ZooModel(
            name="fashion-dcgan",
            task="garments, 32x32 grey, from noise",
            family="dcgan",
            arguments={"latent": 100, "features": 64, "channels": 1, "size": 32},
            spec=GeneratorSpec(inputs=(TensorSpec(name="z", kind="latent", shape=(100, 1, 1)),)),
            images="fashion_mnist_test_1k.npz",
        ),
    ]
}


def find(name: str) -> ZooModel:
    """The row of that name; ModelError with the nearest names otherwise."""
    if name not in ZOO:
        raise ModelError(f"there is no zoo model {name!r}; {nearest(name, ZOO)}")
    return ZOO[name]
