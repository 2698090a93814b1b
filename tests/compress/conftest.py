"""A user's file with tiny generators, and the options by which the one from latents is compressed."""

from pathlib import Path

import pytest

from edgegan.compress.options import Options
from edgegan.core.target import load_target

MODEL = """
import sys
sys.path.insert(0, {root!r})
from tests.subjects import TinyDcgan, TinyCyclegan, TinyResidual, randomized
def latent(): return randomized(TinyDcgan())
def image(): return randomized(TinyCyclegan())
def residual(): return randomized(TinyResidual())
"""


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "subjects.py"
    path.write_text(MODEL.format(root=str(Path(__file__).parents[2])))
    return path


@pytest.fixture
def options(model, tmp_path):
    return Options(
        model=f"{model}:latent",
        inputs=("latent:8x1x1",),
        target=load_target("mobile"),
        out=tmp_path / "out",
        threads=1,
        min_psnr=18,
        calibration_samples=16,
    )
