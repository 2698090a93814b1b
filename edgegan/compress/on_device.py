"""Candidates measured, and engines built and chosen, on the device that ``--device`` names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgegan.bench.worker import Job, Outcome
from edgegan.compress.bundle import write_variants
from edgegan.compress.options import Options
from edgegan.compress.references import Wanted
from edgegan.compress.rows import Built, Figures
from edgegan.compress.subject import Subject
from edgegan.core.files import write_bytes
from edgegan.core.progress import Progress
from edgegan.remote.jobs import build_on, check, run_job_on
from edgegan.remote.ssh import Device, connect

FOLDER = "device"
"""Where what the device built lies, below the candidates' folder."""


def run_there(device: Device, job: Job) -> tuple[dict[str, Outcome], tuple[str, ...]]:
    """The job on the device over ssh, and a note on what the device is."""
    with connect(device) as connection:
        machine = check(connection)
        return run_job_on(connection, job), (_told(device, machine),)


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
    bundle = write_variants(root / FOLDER / "g.edgegan", rows, root, subject, options, wanted)
    with connect(device) as connection:
        machine = check(connection)
        for name, content in build_on(connection, bundle, progress.note).items():
            write_bytes(root / FOLDER / name, content)
    report = device_report(root)
    told = [report["baseline"], *report["candidates"]]
    return {row["name"]: _figures(row, device) for row in told}, (_told(device, machine), *report["warnings"])


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
