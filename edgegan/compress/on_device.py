"""Candidates measured, and engines built and chosen, on the device that ``--device`` names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgegan.bench.worker import Job, Outcome
from edgegan.compress.bundle import write_variants
from edgegan.compress.options import Options
from edgegan.compress.references import Wanted
from edgegan.compress.rows import Built, Figures
from edgegan.compress.subject import Subject
from edgegan.core.backends import backend
from edgegan.core.errors import ArtifactError, DeviceError
from edgegan.core.files import write_bytes
from edgegan.core.manifest import read_manifest
from edgegan.core.progress import Progress
from edgegan.remote.install import installed
from edgegan.remote.jobs import build_on, check, device_python, key_of, run_job_on
from edgegan.remote.ssh import Device

FOLDER = "device"
"""Where what the device built lies, below the candidates' folder."""


def run_there(
    device: Device, job: Job, options: Options, root: Path, name: str, progress: Progress
) -> tuple[dict[str, Outcome], tuple[str, ...]]:
    """The job on the device over ssh, and a note on what the device is; ``name`` tells it from others of the run."""
    python, machine = _ready(device, options, progress)
    outcomes = run_job_on(device, python, job, root / FOLDER / f"{name}.json", progress)
    return outcomes, (_told(device, machine),)


def built_there(
    device: Device,
    rows: Sequence[Built],
    subject: Subject,
    wanted: Wanted,
    options: Options,
    root: Path,
    progress: Progress,
) -> tuple[dict[str, Figures], tuple[str, ...]]:
    """All candidates as one bundle, of which the device builds and measures every engine: its figures by name. The
    engine that it kept lies in ``root/device`` afterwards, with its manifest and the device's report."""
    folder = root / FOLDER
    python, machine = _ready(device, options, progress)
    bundle = write_variants(folder / "g.edgegan", rows, root, subject, options, wanted)
    files = [entry["sha256"] for row in rows if row.runs for entry in read_manifest(root / row.runs).content["files"]]
    key = key_of([*files, f"{options.min_psnr} {options.min_snr} {options.prefer}"])
    for name, content in build_on(device, python, bundle, key, folder / "build.json", progress).items():
        write_bytes(folder / name, content)
    try:
        report = device_report(root)
        if report["result"] is not None:
            read_manifest(folder / report["result"]["artifact"])
        told = {row["name"]: _figures(row, device) for row in (report["baseline"], *report["candidates"])}
        return told, (_told(device, machine), *map(str, report["warnings"]))
    except (ArtifactError, KeyError, TypeError, ValueError) as exc:
        raise DeviceError(f"{device} answered with something else than it was asked for: {exc}") from exc


def _ready(device: Device, options: Options, progress: Progress) -> tuple[str, dict[str, Any]]:
    """The interpreter that has EdgeGAN there, and what the device is. DeviceError where it is another machine than the
    target's."""
    python = device_python()
    if options.device_install:
        extras = {backend(name).extra for name in options.target.runtimes}
        python = installed(device, python, extras, progress)
    machine = check(device, python)
    wanted = options.target.machine
    if wanted is not None and wanted not in str(machine["os"]):
        raise DeviceError(f"{device} is no {options.target.name}: that is {wanted}, and this is {machine['os']}")
    return python, machine


def made_there(rows: Sequence[Built], root: Path) -> list[Built]:
    """What the device built beyond ``rows``: int8 without the pairs of quantize operators that cost it more than they
    save, and the variants in other runtimes of its own. Only the engine that it kept has a file, below ``root``."""
    report = device_report(root)
    kept = report["result"] and report["result"]["name"]
    known = {row.name for row in rows}
    return [
        replace(Built.from_json(row), artifact=f"{FOLDER}/{row['artifact']}" if row["name"] == kept else None)
        for row in report["candidates"]
        if row["name"] not in known
    ]


def device_report(root: Path) -> dict[str, Any]:
    """What the device told of the engines that it built."""
    report: dict[str, Any] = json.loads((root / FOLDER / "report.json").read_text())
    return report


def _figures(row: dict[str, Any], device: Device) -> Figures:
    return Figures(
        latency_ms=row["latency_ms"],
        latency_ms_reason=row.get("latency_ms_reason"),
        quality=row["quality"] | {"measured_on": str(device)},
        error=None if row["quality"]["psnr_db"] is not None else row["quality"]["psnr_db_reason"],
        power=row.get("power"),
        power_reason=row.get("power_reason"),
    )


def _told(device: Device, machine: dict[str, Any]) -> str:
    return f"measured on {device}: {machine['cpu']}, {machine['os']}, GPU {machine['gpu'] or 'none'}"
