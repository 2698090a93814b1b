"""Figures of every candidate: latency side by side in a process apart, quality against the float network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.bench.latency import FAR_BEHIND
from edgegan.bench.quality import paired, structural, unmeasured
from edgegan.bench.worker import Job, Outcome, run_job
from edgegan.compress.on_device import built_there, run_there
from edgegan.compress.options import Options
from edgegan.compress.references import References, Wanted
from edgegan.compress.rows import Built, Figures
from edgegan.compress.subject import Subject
from edgegan.core.backends import backend
from edgegan.core.errors import DeviceError, first_line
from edgegan.core.manifest import read_manifest
from edgegan.core.progress import Progress
from edgegan.core.sampling import pixels_to_float
from edgegan.metrics.pairwise import psnr_db
from edgegan.remote.adb import Bench

SECONDS = 0.6
"""Timed seconds a candidate, in turns with the others; ``edgegan bench`` takes its 3 seconds."""
IN_BROWSER_SECONDS = 2.0
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
    if options.phone is not None:
        timed = tuple(row.name for row in rows if row.runs and backend(row.backend).on_phones)
    job = Job(
        artifacts=artifacts,
        inputs=wanted.inputs,
        threads=options.threads,
        timed=timed,
        seconds=SECONDS,
        outrun=FAR_BEHIND,
    )
    if options.phone is not None:
        outcomes, notes = on_phone(job, options, progress)
    elif options.device is None and options.target.measured_in == "browser":
        outcomes = in_browser(job, progress)
    elif options.device is None:
        outcomes = run_job(job, progress.step)
    elif options.target.build == "device":
        return built_there(options.device, rows, subject, wanted, options, root, progress)
    else:
        outcomes, notes = run_there(options.device, job, options, root, "measure", progress)
    by_name = {row.name: row for row in rows}
    return {name: _figures(by_name[name], outcome, wanted, options) for name, outcome in outcomes.items()}, notes


SAME_DB = 40.0
"""Decibels between an artifact's pictures in the browser and here, below which the browser draws something else."""


def in_browser(job: Job, progress: Progress) -> dict[str, Outcome]:
    """The job's pictures, made here, with the latency of a browser; the error of an artifact that does not run there,
    or draws something else."""
    from edgegan.bench.in_browser import measure as seen_in_browser

    here = run_job(replace(job, timed=()), progress.step)
    artifacts = {name: job.artifacts[name] for name in job.timed if here[name].images is not None}
    seen, _ = seen_in_browser(artifacts, job.inputs, job.threads, IN_BROWSER_SECONDS, progress=progress)
    for name, found in seen.items():
        manifest = read_manifest(job.artifacts[name])
        error = found.error and f"in the browser: {found.error}"
        if found.output is not None:
            span = manifest.spec.output_range
            drawn = pixels_to_float(found.output, span) if manifest.gives_pixels else found.output
            images = here[name].images
            assert images is not None
            alike = psnr_db(images[: len(drawn)], drawn, span)
            if not alike >= SAME_DB:
                error = f"in the browser its pictures have {alike:.1f} dB to those that it draws here"
        here[name] = replace(here[name], latency_ms=found.latency_ms, error=error)
    return here


def on_phone(job: Job, options: Options, progress: Progress) -> tuple[dict[str, Outcome], tuple[str, ...]]:
    """The job's pictures, made here, with a phone's latency; and what the phone is."""
    assert options.phone is not None and options.benchmark_model is not None
    bench = Bench(options.phone, options.benchmark_model)
    here = run_job(replace(job, timed=()), progress.step)
    for name in job.timed:
        try:
            here[name] = replace(here[name], latency_ms=bench.latency_ms(job.artifacts[name], job.threads))
        except DeviceError as exc:
            here[name] = replace(here[name], error=first_line(exc))
    return here, (f"timed on {bench.describe()}; pictures are those of the same files on this machine",)


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
