"""Shared subjects: tiny generators, and a null artifact that runs anywhere; importing it needs no more than the base
install."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from edgegan.core.manifest import describe, write_manifest
from edgegan.core.spec import GeneratorSpec, TensorSpec

if TYPE_CHECKING:
    from torch import nn

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


@pytest.fixture
def dcgan() -> nn.Module:
    from tests.subjects import TinyDcgan, randomized

    return randomized(TinyDcgan())


@pytest.fixture
def dcgan_graph(dcgan: nn.Module) -> Graph:
    from edgegan.graph.capture import capture

    return capture(dcgan, LATENT)


@pytest.fixture
def cyclegan_graph() -> Graph:
    from edgegan.graph.capture import capture
    from tests.subjects import TinyCyclegan, randomized

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
