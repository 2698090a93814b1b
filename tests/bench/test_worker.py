"""What a vendor's library may do to the process that measures it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgegan.bench import worker
from edgegan.bench.worker import Job, run_job

FILES = {
    "stuck_backend/__init__.py": """
from edgegan.core.backends import Backend

ROW = Backend(session="stuck_backend.session", builder="", packages=("numpy",), extra="", suffix=".null")
""",
    "stuck_backend/session.py": """
import time

from edgegan.runtime.null import VendorSession as Nothing


class VendorSession(Nothing):
    def _open(self):
        time.sleep(600)
""",
    "stuck_backend-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: stuck-backend\nVersion: 1.0\n",
    "stuck_backend-1.0.dist-info/entry_points.txt": "[edgegan.backends]\nstuck = stuck_backend:ROW\n",
}


def test_a_backend_that_does_not_come_back_from_loading_costs_its_own_artifacts_alone(
    null_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in FILES.items():
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_text(content)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setattr(worker, "LOADING_SECONDS", 5.0)
    artifacts = {}
    for name, backend in {"one": "stuck", "other": "null", "two": "stuck"}.items():
        folder = tmp_path / name
        shutil.copytree(null_artifact.parent, folder, ignore=shutil.ignore_patterns("site", "one", "other", "two"))
        artifacts[name] = folder / null_artifact.name
        manifest = next(folder.glob("*.json"))
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"backend": backend}))
    inputs = {"z": np.zeros((2, 8, 1, 1), np.float32)}
    outcomes = run_job(Job(artifacts=artifacts, inputs=inputs, threads=1, timed=("one", "other"), seconds=0.05))
    assert outcomes["one"].hangs and outcomes["two"].hangs
    assert outcomes["one"].error == outcomes["two"].error == "one: it was not loaded within 5 s"
    assert outcomes["other"].images is not None and outcomes["other"].latency_ms is not None
