"""Profiling in a process of its own, whose libraries may print, and crash, as they like."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from edgegan.bench.profile.contract import Profiler
from edgegan.core.backends import backend
from edgegan.core.errors import DeviceError, last_line
from edgegan.core.manifest import read_manifest
from edgegan.core.sampling import sample_inputs

if TYPE_CHECKING:
    from edgegan.core import schemas


def profile(artifact: Path, threads: int, seconds: float) -> tuple[schemas.Profile | None, str | None]:
    """Time of each layer by the vendor's profiler, or None and why there is none. Raises DeviceError where it fails."""
    name = read_manifest(artifact).backend
    if backend(name).profiler is None:
        return None, f"{name} tells no time of its layers"
    with tempfile.TemporaryDirectory(prefix="edgegan-") as folder:
        found = Path(folder) / "profile.json"
        done = subprocess.run(
            [sys.executable, "-m", "edgegan.bench.profile.run", str(artifact), str(threads), str(seconds), str(found)],
            capture_output=True,
            text=True,
            errors="replace",
        )
        if done.returncode != 0:
            said = last_line(done.stderr)
            raise DeviceError(f"the process that profiles {artifact} ended with {done.returncode}: {said}")
        told: schemas.Profile = json.loads(found.read_text())
        return told, None


def _main(artifact: Path, threads: int, seconds: float, target: Path) -> None:
    manifest = read_manifest(artifact)
    ask: Profiler = import_module(str(backend(manifest.backend).profiler)).profile
    inputs = sample_inputs(manifest.spec.inputs, manifest.batch, 0)
    target.write_text(json.dumps(ask(manifest, inputs, threads, seconds).to_json()))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
