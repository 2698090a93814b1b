"""The families of GAN generators in use, each small (for tests) and in the size that people deploy (for benchmarks)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from benchmarks import architectures
from edgegan.core.sampling import sample_inputs
from edgegan.core.spec import GeneratorSpec, TensorSpec, parse_input
from edgegan.models import biggan, cgan, cyclegan, dcgan, esrgan, gan, infogan, pix2pix, progan, srgan, upconv

NAMES = {"latent": "z", "image": "x", "label": "label", "onehot": "category"}


@dataclass(frozen=True, kw_only=True)
class Family:
    """``small`` and ``full``: the constructor's arguments, then the inputs as ``--input`` has them."""

    name: str
    make: Callable[..., nn.Module]
    small: tuple[dict[str, Any], tuple[str, ...]]
    full: tuple[dict[str, Any], tuple[str, ...]]

    def build(self, size: str = "small") -> tuple[nn.Module, GeneratorSpec]:
        """The generator with seeded weights and lively norm statistics, in evaluation mode, and its spec."""
        arguments, texts = getattr(self, size)
        torch.manual_seed(0)
        generator = self.make(**arguments)
        _live(generator)
        names = [NAMES[text.partition(":")[0]] for text in texts]
        inputs = tuple(
            parse_input(text, name if names.count(name) == 1 else f"{name}{index}")
            for index, (text, name) in enumerate(zip(texts, names, strict=True))
        )
        return generator.eval(), GeneratorSpec(inputs=inputs, output_range=_span(generator.eval(), inputs))


@torch.no_grad()
def _span(generator: nn.Module, inputs: tuple[TensorSpec, ...]) -> tuple[float, float]:
    """-1..1 where a tanh ends the generator, else three deviations of what its untrained weights give."""
    images = generator(*(torch.from_numpy(v) for v in sample_inputs(inputs, 4, 0).values()))
    most = images.abs().max().item()
    return (-1.0, 1.0) if most <= 1 else (-3 * images.std().item(), 3 * images.std().item())


@torch.no_grad()
def _live(generator: nn.Module) -> None:
    """Weights of a trained network's magnitude: He's deviation where the paper starts smaller, statistics away from 0
    and 1."""
    for module in generator.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and not nn.utils.parametrize.is_parametrized(
            module
        ):
            fan = (
                module.weight[0].numel()
                if not isinstance(module, nn.ConvTranspose2d)
                else module.weight[:, 0].numel() / max(1, module.stride[0] ** 2)
            )
            module.weight.normal_(0.0, (1.6 / fan) ** 0.5)
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(0.0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
        if isinstance(module, biggan.Attention):
            module.gain.fill_(0.5)


FAMILIES = {
    family.name: family
    for family in [
        Family(
            name="gan",
            make=gan.Generator,
            small=({"latent": 16, "features": 16, "size": 8}, ("latent:16",)),
            full=({"channels": 1}, ("latent:100",)),
        ),
        Family(
            name="dcgan",
            make=dcgan.Generator,
            small=({"latent": 16, "features": 8, "channels": 3, "size": 16}, ("latent:16x1x1",)),
            full=({"features": 64, "channels": 3, "size": 64}, ("latent:100x1x1",)),
        ),
        Family(
            name="cgan",
            make=cgan.Generator,
            small=({"latent": 16, "embedding": 4, "features": 8, "size": 16}, ("latent:16", "label:10")),
            full=({"features": 64, "size": 32}, ("latent:100", "label:10")),
        ),
        Family(
            name="cgan-onehot",
            make=cgan.Generator,
            small=({"latent": 16, "embedding": 0, "features": 8, "size": 16}, ("latent:16", "onehot:10")),
            full=({"embedding": 0, "features": 64, "size": 32}, ("latent:100", "onehot:10")),
        ),
        Family(
            name="infogan",
            make=infogan.Generator,
            small=({"latent": 16, "features": 8, "size": 16}, ("latent:16", "onehot:10", "latent:2")),
            full=({}, ("latent:62", "onehot:10", "latent:2")),
        ),
        Family(
            name="upconv",
            make=upconv.Generator,
            small=({"latent": 16, "features": 8, "channels": 3, "size": 16}, ("latent:16",)),
            full=({"features": 64, "channels": 3, "size": 64}, ("latent:100",)),
        ),
        Family(
            name="biggan",
            make=biggan.Generator,
            small=(
                {"latent": 12, "embedding": 8, "features": 8, "size": 16, "attention": 8},
                ("latent:12", "label:10"),
            ),
            full=(
                {"latent": 100, "features": 64, "channels": 3, "size": 64, "attention": 32},
                ("latent:100", "label:10"),
            ),
        ),
        Family(
            name="progan",
            make=progan.Generator,
            small=({"latent": 16, "features": 8, "size": 16}, ("latent:16",)),
            full=({"latent": 256, "features": 32, "size": 64}, ("latent:256",)),
        ),
        Family(
            name="stylegan",
            make=architectures.StyleGAN,
            small=({"latent": 16, "features": 8, "size": 16}, ("latent:16",)),
            full=({"latent": 256, "features": 64, "size": 64}, ("latent:256",)),
        ),
        Family(
            name="stylegan2",
            make=architectures.StyleGAN2,
            small=({"latent": 16, "features": 8, "size": 16, "depth": 2}, ("latent:16",)),
            full=({"latent": 256, "features": 32, "size": 64, "depth": 8}, ("latent:256",)),
        ),
        Family(
            name="cyclegan",
            make=cyclegan.Generator,
            small=({"features": 8, "blocks": 2}, ("image:3x32x32",)),
            full=({"features": 32, "blocks": 9}, ("image:3x128x128",)),
        ),
        Family(
            name="pix2pix",
            make=pix2pix.Generator,
            small=({"features": 8, "depth": 4}, ("image:3x32x32",)),
            full=({"features": 32, "depth": 7}, ("image:3x128x128",)),
        ),
        Family(
            name="sr-compact",
            make=srgan.Generator,
            small=({"features": 8, "depth": 2}, ("image:3x16x16",)),
            full=({"features": 32, "depth": 8}, ("image:3x96x96",)),
        ),
        Family(
            name="esrgan",
            make=esrgan.Generator,
            small=({"features": 8, "growth": 4, "blocks": 1}, ("image:3x8x8",)),
            full=({"features": 32, "growth": 16, "blocks": 3}, ("image:3x48x48",)),
        ),
        Family(
            name="hifigan",
            make=architectures.HiFiGAN,
            small=({"mels": 8, "features": 16, "rates": (4, 2)}, ("latent:8x8",)),
            full=({}, ("latent:80x32",)),
        ),
    ]
}
