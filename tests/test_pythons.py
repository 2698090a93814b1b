"""The base install on the oldest Python that it is for and on a newer one than the tests', where those are on this
machine: its own tests (on the newer one those of the core), and artifacts made here loaded there. PyTorch is left out,
which the tests' own Python has."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgegan.graph.capture import capture
from edgegan.runtime import load
from tests.artifacts import artifact
from tests.conftest import LATENT
from tests.installs import ROOT, built_wheel, installed
from tests.subjects import TinyDcgan, randomized

VERSIONS = [v for v in ("3.10", "3.11", "3.13") if v != ".".join(map(str, sys.version_info[:2]))]
TESTS = (
    "tests/core",
    "tests/cli",
    "tests/export/test_bundle.py",
    "tests/serve/test_serve.py",
    "tests/bench/test_bench.py",
)
PICTURES = """
import sys
import numpy
from edgegan.runtime import load
assert "torch" not in sys.modules
for path in sys.argv[2:]:
    with load(path, threads=1) as generator:
        numpy.save(f"{sys.argv[1]}/{generator.manifest.backend}.npy", generator.sample(3, seed=5))
"""


def interpreter(version: str) -> Path | None:
    """A python of that version: on the path, or among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for found in (shutil.which(f"python{version}"), *sorted(pyenv.glob(f"{version}.*/bin/python"))):
        if found is None:
            continue
        done = subprocess.run([found, "--version"], capture_output=True, text=True)
        if done.stdout.startswith(f"Python {version}."):
            return Path(found)
    return None


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return built_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    """One for each backend of this machine's CPU."""
    folder, graph, found = tmp_path_factory.mktemp("artifacts"), capture(randomized(TinyDcgan()), LATENT), {}
    for backend in ("onnxruntime", "openvino", "litert"):
        (folder / backend).mkdir()
        found[backend] = artifact(backend, folder / backend, graph)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_the_base_install_on_another_python(version, wheel, artifacts, tmp_path):
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} on this machine")
    packages = (f"{wheel}[onnxruntime,openvino,litert,serve]", "pytest", "hypothesis", "scipy")
    there = installed(tmp_path / "venv", python, *packages)
    own = subprocess.run(
        [
            there,
            "-m",
            "pytest",
            "-o",
            "addopts=",
            "-p",
            "no:cacheprovider",
            "-m",
            "not slow",
            *(TESTS if version == VERSIONS[0] else TESTS[:1]),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert own.returncode == 0 and " passed" in own.stdout, own.stdout[-3000:]
    command = [there, "-c", PICTURES, tmp_path, *artifacts.values()]
    shown = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    for backend, path in artifacts.items():
        with load(path, threads=1) as generator:
            here = generator.sample(3, seed=5).astype(int)
        difference = np.abs(here - np.load(tmp_path / f"{backend}.npy").astype(int))
        assert difference.max() <= 1, f"{backend}: the same file and latents, on vendors' versions that may differ"
