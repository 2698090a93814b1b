"""Shared subjects: tiny generators of the families that the tests need, and a null artifact that runs anywhere."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from torch import nn

from edgegan.core.manifest import describe, write_manifest
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph.capture import capture
from edgegan.graph.graph import Graph

# A busy machine draws slowly; that is no fault of a test.
settings.register_profile("edgegan", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edgegan")


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Measurements of the tests stay out of the user's cache."""
    os.environ["EDGEGAN_CACHE"] = str(tmp_path_factory.mktemp("cache"))


LATENT = GeneratorSpec(inputs=(TensorSpec(name="z", kind="latent", shape=(8, 1, 1)),))
PHOTO = GeneratorSpec(inputs=(TensorSpec(name="x", kind="image", shape=(3, 16, 16), range=(-1.0, 1.0)),))


class TinyDcgan(nn.Module):
    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.ConvTranspose2d(8, width, 4, 1, 0, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, 4, 2, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 3, 4, 2, 1),
            nn.Tanh(),
        )

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.net(z)


class TinyCyclegan(nn.Module):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.ReflectionPad2d(3),
            nn.Conv2d(3, width, 7),
            nn.InstanceNorm2d(width, affine=True),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, 2, 1),
            nn.InstanceNorm2d(2 * width),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 3, 2, 1, output_padding=1),
            nn.InstanceNorm2d(width),
            nn.ReLU(),
            nn.ReflectionPad2d(3),
            nn.Conv2d(width, 3, 7),
            nn.Tanh(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


def randomized(module: nn.Module, seed: int = 0) -> nn.Module:
    """Weights and norm statistics that leave nothing at its default, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                noise = torch.randn(value.shape, generator=generator)
                value.copy_(
                    1 + 0.2 * noise.abs()
                    if "var" in name
                    else 0.15 * noise + (1.0 if value.ndim == 1 and "weight" in name else 0.0)
                )
    return module.eval()


@pytest.fixture
def dcgan() -> nn.Module:
    return randomized(TinyDcgan())


@pytest.fixture
def dcgan_graph(dcgan: nn.Module) -> Graph:
    return capture(dcgan, LATENT)


@pytest.fixture
def cyclegan_graph() -> Graph:
    return capture(randomized(TinyCyclegan()), PHOTO)


@pytest.fixture
def photos() -> np.ndarray:
    """48 smooth pictures, uint8 (N, 16, 16, 3)."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 255, 16)
    base = (ramp[:, None] + ramp[None, :]) / 2
    return np.clip(
        base[None, :, :, None] + rng.normal(0, 40, (48, 1, 1, 3)) + rng.normal(0, 8, (48, 16, 16, 3)), 0, 255
    ).astype(np.uint8)


@pytest.fixture
def null_artifact(tmp_path: Path) -> Path:
    """An artifact of the null backend, with its manifest."""
    return make_null(tmp_path / "g.null", LATENT)


def make_null(path: Path, spec: GeneratorSpec, batch: int = 1) -> Path:
    path.write_bytes(b"nothing" * 64)
    content = describe(
        artifact=path,
        backend="null",
        backend_version="built in",
        target="x86-cpu",
        precision="fp32",
        spec=spec,
        output_shape=(3, 16, 16),
        batch=batch,
        model="tiny",
        weights_sha256="0" * 64,
        build={},
    )
    write_manifest(path, content)
    return path
