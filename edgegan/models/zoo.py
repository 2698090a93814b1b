"""The zoo's table: a row per model. Importing it costs nothing; building a model imports torch."""

from __future__ import annotations

import inspect
import json
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
    """A generator of the zoo: where its class lives, its arguments, its spec, what ships with it.

    ``output_shape`` is (channels, height, width). ``discriminator``: arguments besides the shared ones. ``images`` is
    the shipped file that image inputs are drawn from, or the real pictures of a latent generator; ``real`` the real
    pictures of an image-to-image one.
    """

    name: str
    task: str
    family: str
    arguments: dict[str, Any] = field(default_factory=dict)
    discriminator: dict[str, Any] = field(default_factory=dict)
    spec: GeneratorSpec
    output_shape: tuple[int, int, int]
    images: str | None = None
    real: str | None = None

    @property
    def weights(self) -> Path | None:
        """The shipped weights (safetensors), None where none ship."""
        path = WEIGHTS / f"{self.name}.safetensors"
        return path if path.exists() else None

    @property
    def card(self) -> dict[str, Any] | None:
        """What is told of the shipped weights: licence, hash, recipe, figures; None where none ship."""
        path = WEIGHTS / f"{self.name}.json"
        card: dict[str, Any] | None = json.loads(path.read_text()) if self.weights else None
        return card

    def build(self) -> nn.Module:
        """The generator with fresh weights, in evaluation mode."""
        module = import_module(f"edgegan.models.{self.family}")
        generator: nn.Module = module.Generator(**self.arguments)
        return generator.eval()

    def build_discriminator(self) -> nn.Module:
        """The discriminator that the family trains this generator against, with fresh weights."""
        module = import_module(f"edgegan.models.{self.family}")
        taken = inspect.signature(module.Discriminator).parameters
        shared = {k: v for k, v in self.arguments.items() if k in taken}
        discriminator: nn.Module = module.Discriminator(**shared | self.discriminator)
        return discriminator


def _latent(size: int) -> TensorSpec:
    return TensorSpec(name="z", kind="latent", shape=(size,))


def _image(channels: int, side: int) -> TensorSpec:
    return TensorSpec(name="x", kind="image", shape=(channels, side, side), range=(-1.0, 1.0))


_LABEL = TensorSpec(name="label", kind="label", shape=(), classes=10)
_FASHION: dict[str, Any] = {"output_shape": (1, 32, 32), "images": "fashion_mnist_test_1k.npz"}

ZOO = {
    model.name: model
    for model in [
        ZooModel(
            name="fashion-dcgan",
            task="garments, 32x32 grey, from noise",
            family="dcgan",
            arguments={"latent": 100, "features": 64, "channels": 1, "size": 32},
            spec=GeneratorSpec(inputs=(TensorSpec(name="z", kind="latent", shape=(100, 1, 1)),)),
            **_FASHION,
        ),
        ZooModel(
            name="fashion-gan",
            task="garments, 32x32 grey, from noise, fully connected",
            family="gan",
            arguments={"latent": 100, "features": 128, "channels": 1, "size": 32},
            spec=GeneratorSpec(inputs=(_latent(100),)),
            **_FASHION,
        ),
        ZooModel(
            name="fashion-cgan",
            task="garments of a given class, 32x32 grey",
            family="cgan",
            arguments={"latent": 100, "classes": 10, "embedding": 50, "features": 48, "channels": 1, "size": 32},
            spec=GeneratorSpec(inputs=(_latent(100), _LABEL)),
            **_FASHION,
        ),
        ZooModel(
            name="fashion-infogan",
            task="garments, 32x32 grey, with a category and two codes found without labels",
            family="infogan",
            arguments={"latent": 62, "classes": 10, "codes": 2, "features": 48, "channels": 1, "size": 32},
            spec=GeneratorSpec(
                inputs=(
                    _latent(62),
                    TensorSpec(name="category", kind="onehot", shape=(10,), classes=10),
                    TensorSpec(name="codes", kind="latent", shape=(2,)),
                )
            ),
            **_FASHION,
        ),
        ZooModel(
            name="fashion-upconv",
            task="garments, 32x32 grey, from noise, by nearest upsampling",
            family="upconv",
            arguments={"latent": 100, "features": 48, "channels": 1, "size": 32},
            spec=GeneratorSpec(inputs=(_latent(100),)),
            **_FASHION,
        ),
        ZooModel(
            name="fashion-biggan",
            task="garments of a given class, 32x32 grey, residual with self-attention",
            family="biggan",
            arguments={
                "latent": 80,
                "classes": 10,
                "embedding": 32,
                "features": 24,
                "channels": 1,
                "size": 32,
                "attention": 16,
            },
            discriminator={"features": 16},
            spec=GeneratorSpec(inputs=(_latent(80), _LABEL)),
            **_FASHION,
        ),
        ZooModel(
            name="fashion-progan",
            task="garments, 32x32 grey, from noise, pixel norm and a block that fades in",
            family="progan",
            arguments={"latent": 128, "features": 16, "channels": 1, "size": 32},
            spec=GeneratorSpec(inputs=(_latent(128),)),
            **_FASHION,
        ),
        ZooModel(
            name="fashion-cyclegan",
            task="sandals to sneakers, 32x32 grey, learned without pairs",
            family="cyclegan",
            arguments={"channels": 1, "features": 24, "blocks": 4},
            discriminator={"features": 32, "layers": 2},
            spec=GeneratorSpec(inputs=(_image(1, 32),)),
            output_shape=(1, 32, 32),
            images="fashion_sandals.npz",
            real="fashion_sneakers.npz",
        ),
        ZooModel(
            name="fashion-pix2pix",
            task="edges to garments, 32x32 grey",
            family="pix2pix",
            arguments={"channels": 1, "outputs": 1, "features": 24, "depth": 5},
            discriminator={"channels": 2, "features": 32, "layers": 2},
            spec=GeneratorSpec(inputs=(_image(1, 32),)),
            output_shape=(1, 32, 32),
            images="fashion_edges.npz",
            real="fashion_mnist_test_1k.npz",
        ),
        ZooModel(
            name="sr-compact",
            task="photographs enlarged by 2, 64x64 to 128x128 colour",
            family="srgan",
            arguments={"channels": 3, "features": 32, "depth": 6, "scale": 2},
            discriminator={"features": 32, "layers": 2},
            spec=GeneratorSpec(inputs=(_image(3, 64),)),
            output_shape=(3, 128, 128),
            images="photographs_64.npz",
            real="photographs_128.npz",
        ),
    ]
}


def find(name: str) -> ZooModel:
    """The row of that name; ModelError with the nearest names otherwise."""
    if name not in ZOO:
        raise ModelError(f"there is no zoo model {name!r}; {nearest(name, ZOO)}")
    return ZOO[name]
