"""The worker's jobs on a device: artifacts go there, figures and pictures come back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edgegan.bench.worker import Job, Outcome, job_files, read_outcomes
from edgegan.core.errors import DeviceError, GateError
from edgegan.core.manifest import manifest_path, read_manifest
from edgegan.remote.ssh import Connection

PYTHON_VARIABLE = "EDGEGAN_DEVICE_PYTHON"
"""Set here to the device's interpreter, where EdgeGAN lives in a virtual environment there; default python3."""


def _python() -> str:
    return os.environ.get(PYTHON_VARIABLE, "python3")


def check(connection: Connection) -> dict[str, Any]:
    """What the device is: its ``environment``. DeviceError where EdgeGAN is not installed there."""
    try:
        machine: dict[str, Any] = json.loads(connection.run([_python(), "-m", "edgegan.bench.environment"]))
    except DeviceError as exc:
        raise DeviceError(
            f"{exc}\nIs EdgeGAN installed there? On the device: pip install 'edgegan[litert]' (or [onnxruntime], "
            f"[openvino], [tensorrt]); for a virtual environment set {PYTHON_VARIABLE} here"
        ) from exc
    return machine


def run_job_on(connection: Connection, job: Job) -> dict[str, Outcome]:
    """Run a job on the device."""
    files: dict[str, Path | bytes] = {}
    places = {}
    for index, (name, artifact) in enumerate(job.artifacts.items()):
        places[name] = f"{index}/{artifact.name}"
        for file in (
            *(artifact.with_name(f["name"]) for f in read_manifest(artifact).content["files"]),
            manifest_path(artifact),
        ):
            files[f"{index}/{file.name}"] = file
    connection.send(files | job_files(job, places))
    connection.run([_python(), "-m", "edgegan.bench.worker", "."])
    with TemporaryDirectory(prefix="edgegan-") as folder:
        result = connection.fetch(["result.json"])["result.json"]
        pictures = [row["images"] for row in json.loads(result).values() if row.get("images")]
        for name, content in ({"result.json": result} | (connection.fetch(pictures) if pictures else {})).items():
            (Path(folder) / Path(name).name).write_bytes(content)
        return read_outcomes(Path(folder))


def build_on(connection: Connection, bundle: Path, told: Callable[[str], object]) -> dict[str, bytes]:
    """Build a bundle's engines on the device; its ``report.json``, and ``g.plan`` with its manifest where one passed.
    ``told`` hears what the build says of itself."""
    connection.send({"g.edgegan": bundle})
    command = [_python(), "-m", "edgegan.cli.app", "build", "g.edgegan", "--out", "engine", "--json"]
    connection.run(command, allowed=(0, GateError.exit_code))
    report = connection.fetch(["engine/report.json"])["engine/report.json"]
    names = ["engine/g.plan", "engine/g.plan.json"] if json.loads(report)["result"] else []
    plan = connection.fetch(names) if names else {}
    return {"report.json": report} | {Path(name).name: content for name, content in plan.items()}
