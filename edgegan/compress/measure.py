"""Figures of every candidate: latency side by side in a process apart, quality against the float network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.bench.quality import paired, structural, unmeasured
from edgegan.bench.worker import Job, Outcome, run_job
from edgegan.compress.on_device import built_there, run_there
from edgegan.compress.options import Options
from edgegan.compress.references import References, Wanted
from edgegan.compress.rows import Built, Figures
from edgegan.compress.subject import Subject
from edgegan.core.errors import DeviceError
from edgegan.core.progress import Progress

SECONDS = 0.6
"""Timed seconds a candidate, in turns with the others; ``edgegan bench`` takes its 3 seconds."""
PAIRED = ("psnr_db", "psnr_original_db", "ssim", "lpips")


def measure(
    rows: Sequence[Built],
    references: References,
    subject: Subject,
    options: Options,
    root: Path,
    progress: Progress,
) -> tuple[dict[str, Figures], tuple[str, ...]]:
    """Latency and paired quality by name, for every row that was built (the baseline among them), here or on the
    device."""
    wanted = references.first()
    artifacts = {row.name: root / row.runs for row in rows if row.runs}
    notes: tuple[str, ...] = ()
    here = options.device is None
    timed = tuple(row.name for row in rows if row.runs and not (here and (row.stand_in or not options.times)))
    job = Job(artifacts=artifacts, inputs=wanted.inputs, threads=options.threads, timed=timed, seconds=SECONDS)
    if options.device is None:
        outcomes = run_job(job, progress.step)
    elif options.target.build == "device":
        return built_there(options.device, rows, subject, wanted, options, root, progress)
    else:
        outcomes, notes = run_there(options.device, job, options, root, "measure", progress)
    by_name = {row.name: row for row in rows}
    return {name: _figures(by_name[name], outcome, wanted, options) for name, outcome in outcomes.items()}, notes


def _figures(row: Built, outcome: Outcome, wanted: Wanted, options: Options) -> Figures:
    missing = f"this machine cannot run {options.target.name}; measure it on the device with edgegan bench"
    return Figures(
        latency_ms=outcome.latency_ms,
        latency_ms_reason=None if outcome.latency_ms is not None else outcome.error or missing,
        quality=_quality(row, outcome, wanted) | _measured_on(row, outcome, options) | unmeasured("not measured yet"),
        error=outcome.error,
    )


def _quality(row: Built, outcome: Outcome, wanted: Wanted) -> dict[str, Any]:
    if outcome.images is None:
        return dict.fromkeys(PAIRED) | {f"{key}_reason": outcome.error for key in PAIRED}
    reference = wanted.original if row.is_baseline else wanted.network
    return compared(row, wanted, outcome.images) | structural(reference, outcome.images, wanted.span)


def _measured_on(row: Built, outcome: Outcome, options: Options) -> dict[str, str]:
    """Where the pictures were made, if not on the target itself."""
    if options.device is not None:
        return {} if outcome.images is None else {"measured_on": str(options.device)}
    if row.stand_in:
        return {"measured_on": row.stand_in}
    if not options.target.runs_here and outcome.images is not None:
        return {"measured_on": "this machine's CPU, on the same file"}
    return {}


def compared(row: Built, wanted: Wanted, images: np.ndarray) -> dict[str, Any]:
    """The paired figures of a candidate's float ``images`` (N, C, H, W), without SSIM."""
    return paired(images, wanted.original if row.is_baseline else wanted.network, wanted.original, wanted.span)


def outputs(artifact: Path, inputs: dict[str, np.ndarray], threads: int) -> np.ndarray:
    """Float images (N, C, H, W) of one artifact for many inputs. Raises DeviceError where it fails."""
    outcome = run_job(Job(artifacts={"one": artifact}, inputs=inputs, threads=threads))["one"]
    if outcome.images is None:
        raise DeviceError(f"{artifact.name} failed: {outcome.error}")
    return outcome.images
