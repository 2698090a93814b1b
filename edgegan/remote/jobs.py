"""Jobs on a device: artifacts and bundles go there, figures, pictures and engines come back."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edgegan.bench.worker import Job, Outcome, job_files, read_outcomes
from edgegan.core.errors import DeviceError, GateError
from edgegan.core.manifest import manifest_path, read_manifest
from edgegan.core.progress import Progress
from edgegan.export.bundle import WEIGHTS
from edgegan.remote.ssh import Connection, Device, Lost
from edgegan.remote.task import Task

ARTIFACTS = ("g.plan", "g.onnx", "g.pt2")
"""What a device may keep of a bundle."""
PYTHON_VARIABLE = "EDGEGAN_DEVICE_PYTHON"
"""Set here to the device's interpreter, where EdgeGAN lives in a virtual environment there; default python3."""


def device_python() -> str:
    return os.environ.get(PYTHON_VARIABLE, "python3")


def check(device: Device, python: str) -> dict[str, Any]:
    """What the device is: its ``environment``. DeviceError where EdgeGAN is not installed there."""
    try:
        machine: dict[str, Any] = json.loads(Connection(device).run([python, "-m", "edgegan.bench.environment"]))
    except Lost:
        raise
    except (DeviceError, json.JSONDecodeError) as exc:
        raise DeviceError(
            f"{exc}\nIs EdgeGAN installed there? --device-install does it; or on the device: pip install "
            f"'edgegan[litert]' (or [onnxruntime], [openvino], [tensorrt]); for a virtual environment set "
            f"{PYTHON_VARIABLE} here"
        ) from exc
    if not isinstance(machine, dict) or not {"cpu", "os", "gpu"} <= machine.keys():
        raise DeviceError(f"{device} answered with something else than what it is: {str(machine)[:80]!r}")
    return machine


def run_job_on(device: Device, python: str, job: Job, kept: Path, progress: Progress) -> dict[str, Outcome]:
    """Run a job on the device; ``kept``: where it is noted, to be found again."""
    files: dict[str, Path | bytes] = {}
    places, hashes = {}, []
    for index, (name, artifact) in enumerate(job.artifacts.items()):
        places[name] = f"{index}/{artifact.name}"
        entries = read_manifest(artifact).content["files"]
        hashes += [entry["sha256"] for entry in entries]
        for file in (*(artifact.with_name(entry["name"]) for entry in entries), manifest_path(artifact)):
            files[f"{index}/{file.name}"] = file
    own = job_files(job, places)
    key = key_of([*hashes, own["job.json"].decode()])
    command = ("-m", "edgegan.bench.worker", ".")
    task = Task(device, python, command, lambda: files | own, key, kept, progress)
    connection, code = task.run()
    if code:
        task.forget(connection)
        raise DeviceError(f"{device}: measuring failed with {code}: {_last(task.lines)}")
    with TemporaryDirectory(prefix="edgegan-") as folder:
        result = connection.fetch(["result.json"])["result.json"]
        pictures = _pictures(device, result)
        for name, content in ({"result.json": result} | (connection.fetch(pictures) if pictures else {})).items():
            (Path(folder) / name).write_bytes(content)
        outcomes = read_outcomes(Path(folder))
    task.forget(connection)
    return outcomes


def _pictures(device: Device, result: bytes) -> list[str]:
    """Names of the files that hold outputs. DeviceError for names that are none of a file in the folder."""
    try:
        names = [str(row["images"]) for row in json.loads(result).values() if row.get("images")]
    except (ValueError, AttributeError, TypeError) as exc:
        raise DeviceError(f"{device} answered with something else than figures: {exc}") from exc
    for name in names:
        if Path(name).name != name:
            raise DeviceError(f"{device} names {name!r}, which is no file of the job")
    return names


def build_on(device: Device, python: str, bundle: Path, key: str, kept: Path, progress: Progress) -> dict[str, bytes]:
    """Build a bundle's engines on the device; its ``report.json``, and what it kept with its manifest, if any passed.
    ``kept``: where the work is noted, to be found again by the same ``key``."""
    command = ("-m", "edgegan.cli.app", "build", "g.edgegan", "--out", "engine")
    task = Task(device, python, command, lambda: {"g.edgegan": bundle}, key, kept, progress)
    connection, code = task.run()
    if code not in (0, GateError.exit_code):
        task.forget(connection)
        raise DeviceError(f"{device}: building failed with {code}: {_last(task.lines)}")
    report = connection.fetch(["engine/report.json"])["engine/report.json"]
    found = _artifact(connection, _result(report))
    task.forget(connection)
    return {"report.json": report} | found


def _artifact(connection: Connection, result: Mapping[str, Any] | None) -> dict[str, bytes]:
    """The files of what the device kept, its manifest among them, by name; DeviceError for names that are none of an
    artifact's."""
    if result is None:
        return {}
    manifest = f"{result['artifact']}.json"
    if result["artifact"] not in ARTIFACTS:
        raise DeviceError(f"{connection.device} names {result['artifact']!r}, which is no artifact")
    content = connection.fetch([f"engine/{manifest}"])[f"engine/{manifest}"]
    names = [str(entry["name"]) for entry in json.loads(content)["files"]]
    if not set(names) <= {*ARTIFACTS, WEIGHTS}:
        raise DeviceError(f"{connection.device} names {', '.join(names)}, which are no files of an artifact")
    files = connection.fetch([f"engine/{name}" for name in names])
    return {manifest: content} | {Path(name).name: data for name, data in files.items()}


def key_of(parts: Iterable[str]) -> str:
    """What tells one job from another."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _result(report: bytes) -> Mapping[str, Any] | None:
    try:
        result: Mapping[str, Any] | None = json.loads(report)["result"]
    except (ValueError, KeyError, TypeError) as exc:
        raise DeviceError(f"the device's report is none: {exc}") from exc
    return result


def _last(lines: list[str]) -> str:
    """The end of what a command said: the sentence of its error, which may take two lines."""
    told = [line.removeprefix("error: ") for line in lines[-2:]]
    start = next((i for i, line in enumerate(lines[-2:]) if line.startswith("error: ")), len(told) - 1)
    return " ".join(told[start:]) if told else "no reason given"
