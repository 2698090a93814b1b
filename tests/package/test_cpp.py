"""Sources for C++: compiled against what lies in the vendors' Python packages, run, and held against Python."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgegan.cli.app import run
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph.capture import capture
from edgegan.models import cgan
from edgegan.package.cpp import CHECKED, FOUND_BY
from edgegan.runtime import load
from tests.artifacts import artifact
from tests.conftest import LATENT, PHOTO, make_null
from tests.subjects import TinyCyclegan, randomized

needs_compiler = pytest.mark.skipif(shutil.which("cmake") is None or shutil.which("g++") is None, reason="no compiler")
LABELLED = GeneratorSpec(
    inputs=(
        TensorSpec(name="z", kind="latent", shape=(100,), truncation=0.8),
        TensorSpec(name="label", kind="label", shape=(), classes=10),
    )
)


def compiled(backend, graph, tmp_path):
    """The artifact, and the program that was made of its package."""
    made, out = artifact(backend, tmp_path, graph), tmp_path / "native"
    assert run(["package", str(made), "--for", "cpp", "--out", str(out)]) == 0
    told = f"cmake -S {out} -B {out / 'build'}{FOUND_BY[backend]} && cmake --build {out / 'build'}"
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", told], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return made, out / "build" / "generate"


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("backend", CHECKED)
def test_samples_are_those_of_python(backend, tmp_path):
    made, program = compiled(backend, capture(randomized(cgan.Generator()), LABELLED), tmp_path)
    subprocess.run([program, made, "5", str(2**40 + 3)], check=True, cwd=tmp_path)
    with load(made) as gen:
        wanted = gen.sample(5, seed=2**40 + 3)
    for index, picture in enumerate(wanted):
        with Image.open(tmp_path / f"{index:04d}.ppm") as image:
            found = np.asarray(image)
        assert np.abs(found.reshape(picture.shape).astype(int) - picture).max() <= 1


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("backend", CHECKED)
def test_a_picture_is_translated_as_in_python(backend, tmp_path):
    made, program = compiled(backend, capture(randomized(TinyCyclegan()), PHOTO), tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in.ppm")
    subprocess.run([program, made, "in.ppm", "out.ppm"], check=True, cwd=tmp_path)
    with load(made) as gen, Image.open(tmp_path / "out.ppm") as image:
        assert np.abs(np.asarray(image).astype(int) - gen(image=pixels)).max() <= 1
    Image.fromarray(pixels[:8]).save(tmp_path / "small.ppm")
    refused = subprocess.run([program, made, "small.ppm", "out.ppm"], cwd=tmp_path, capture_output=True, text=True)
    assert refused.returncode == 1 and "size that this generator takes" in refused.stderr


def test_another_backend_is_refused(tmp_path, capsys):
    made = make_null(tmp_path / "g.null", LATENT)
    assert run(["package", str(made), "--for", "cpp", "--out", str(tmp_path / "native")]) == 4
    assert "openvino, litert, onnxruntime" in capsys.readouterr().err
