"""A bundle for a Jetson, and a device whose TensorRT is a fake (tests/fakes)."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.compress.conftest import MODEL

ROOT = Path(__file__).parents[2]


def compressed(folder, **options):
    """What compress leaves for jetson-orin of a generator with residual sums."""
    from edgegan.compress import compress

    (folder / "subjects.py").write_text(MODEL.format(root=str(ROOT)))
    rng = np.random.default_rng(0)
    np.save(folder / "photos.npy", rng.uniform(0, 255, (48, 16, 16, 3)).astype(np.uint8))
    compress(
        f"{folder / 'subjects.py'}:residual",
        "jetson-orin",
        inputs=("image:3x16x16",),
        data=folder / "photos.npy",
        out=folder / "out",
        threads=1,
        min_psnr=20,
        calibration_samples=16,
        fd_samples=0,
        **options,
    )
    return folder / "out"


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory):
    return compressed(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def bundle(bundle_folder, tmp_path):
    for name in ("g.edgegan", "g.edgegan.json"):
        shutil.copy(bundle_folder / name, tmp_path / name)
    return tmp_path / "g.edgegan"


def fake_driver(folder):
    """A folder in which a library of the NVIDIA driver's name is found; any one that loads serves."""
    folder.mkdir()
    (found,) = Path("/lib").glob("*/libm.so.6")
    (folder / "libcuda.so.1").symlink_to(found)
    return folder


@pytest.fixture
def device(tmp_path):
    """``device(*arguments, **environment)`` runs edgegan where TensorRT is the fake of that environment; gives the
    process that ended, and the report where there is one. ``device.environment`` is that of other programs there."""
    driver = fake_driver(tmp_path / "lib")

    def environment_of(**environment):
        return os.environ | {
            "PYTHONPATH": f"{ROOT / 'tests' / 'fakes'}:{ROOT}",
            "LD_LIBRARY_PATH": str(driver),
            "EDGEGAN_SYS_ROOT": str(tmp_path / "system"),
            **environment,
        }

    def run(*arguments, **environment):
        if arguments[0] == "build":
            pairs = () if "--pairs-budget" in arguments else ("--pairs-budget", "0")
            arguments = (*arguments, "--seconds", "0.3", *pairs)
        command = [sys.executable, "-m", "edgegan.cli.app", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment_of(**environment))
        report = Path(arguments[arguments.index("--out") + 1]) / "report.json" if "--out" in arguments else None
        return done, json.loads(report.read_text()) if report and report.exists() else None

    run.environment = environment_of
    return run
