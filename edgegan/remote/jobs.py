"""The worker's jobs on a device: artifacts go there, figures and pictures come back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edgegan.bench.worker import Job, Outcome, job_files, read_outcomes
from edgegan.core.errors import DeviceError
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


def run_job_on(connection: Connection, job: Job, bundles: dict[str, Path]) -> dict[str, Outcome]:
    """Run a job on the device. ``bundles``: artifacts that are built there first, by the names of the job."""
    files: dict[str, Path | bytes] = {}
    places, failed = {}, {}
    for index, (name, artifact) in enumerate(job.artifacts.items()):
        if name in bundles:
            try:
                places[name] = _built(connection, bundles[name], f"engine{index}")
            except DeviceError as exc:
                failed[name] = Outcome(error=str(exc))
            continue
        places[name] = f"{index}/{artifact.name}"
        for file in (
            *(artifact.with_name(f["name"]) for f in read_manifest(artifact).content["files"]),
            manifest_path(artifact),
        ):
            files[f"{index}/{file.name}"] = file
    if not places:
        return failed
    connection.send(files | job_files(job, places))
    connection.run([_python(), "-m", "edgegan.bench.worker", "."])
    with TemporaryDirectory(prefix="edgegan-") as folder:
        result = connection.fetch(["result.json"])["result.json"]
        pictures = [row["images"] for row in json.loads(result).values() if row.get("images")]
        for name, content in ({"result.json": result} | (connection.fetch(pictures) if pictures else {})).items():
            (Path(folder) / Path(name).name).write_bytes(content)
        return failed | read_outcomes(Path(folder))


def _built(connection: Connection, bundle: Path, out: str) -> str:
    """Build an engine from a bundle on the device, and return its place there."""
    connection.send({f"{out}.edgegan": bundle})
    connection.run([_python(), "-m", "edgegan.cli.app", "build", f"{out}.edgegan", "--out", out])
    return f"{out}/g.plan"
