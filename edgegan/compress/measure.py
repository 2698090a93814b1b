"""Figures of every candidate: latency side by side in a process apart, quality against the float network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.bench.quality import paired, unmeasured
from edgegan.bench.worker import Job, Outcome, run_job
from edgegan.compress.options import Options
from edgegan.compress.subject import Subject
from edgegan.core.errors import DeviceError
from edgegan.core.manifest import read_manifest
from edgegan.export.bundle import BUILD_COMMAND, write_bundle
from edgegan.graph.graph import Graph
from edgegan.remote.jobs import check, run_job_on
from edgegan.remote.ssh import Device, connect

SECONDS = 0.6
"""Timed seconds a candidate, in turns with the others; ``edgegan bench`` takes its 3 seconds."""


def measure(
    rows: Sequence[dict[str, Any]], subject: Subject, network: Graph, options: Options, root: Path
) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    """Latency and paired quality by name, for every row that was built (the baseline among them), here or on the
    device."""
    inputs = subject.check_inputs(options)
    original = subject.graph.run(inputs)
    reference = original if network is subject.graph else network.run(inputs)
    built = {row["name"]: root / row["runs"] for row in rows if row["runs"]}
    stand_ins = {row["name"]: row["stand_in"] for row in rows}
    notes: tuple[str, ...] = ()
    if options.device is None:
        timed = tuple(name for name in built if options.times and not stand_ins[name])
        outcomes = run_job(Job(artifacts=built, inputs=inputs, threads=options.threads, timed=timed, seconds=SECONDS))
    else:
        outcomes, notes = _on_device(
            options.device,
            Job(artifacts=built, inputs=inputs, threads=options.threads, timed=tuple(built), seconds=SECONDS),
            rows,
            subject,
            reference,
            options,
            root,
        )
        stand_ins = dict.fromkeys(stand_ins)
    figures = {}
    for name, outcome in outcomes.items():
        figures[name] = _figures(
            outcome.images,
            outcome.latency_ms,
            outcome.error,
            name == "baseline",
            stand_ins[name],
            reference,
            original,
            subject,
            options,
        )
    return figures, notes


def _on_device(
    device: Device,
    job: Job,
    rows: Sequence[dict[str, Any]],
    subject: Subject,
    reference: np.ndarray,
    options: Options,
    root: Path,
) -> tuple[dict[str, Outcome], tuple[str, ...]]:
    """The job on the device over ssh; where the target's engines are built there, each from a bundle of its own."""
    check_inputs = {f"input_{name}": values for name, values in job.inputs.items()} | {"image": reference}
    bundles: dict[str, Path] = {}
    for row in rows:
        if options.target.build == "device" and row["runs"]:
            onnx = root / row["runs"]
            description = {
                "target": options.target.to_json(),
                "precision": row.get("precision", "fp32"),
                "model": subject.name,
                "command": BUILD_COMMAND,
                "parser": row.get("notes", []),
                "manifest": read_manifest(onnx).content,
            }
            bundles[row["name"]] = write_bundle(onnx.with_name("device.edgegan"), onnx, description, check_inputs)
    with connect(device) as connection:
        found = check(connection)
        outcomes = run_job_on(connection, job, bundles)
    return outcomes, (f"measured on {device}: {found['cpu']}, {found['os']}, GPU {found['gpu'] or 'none'}",)


def _figures(
    images: np.ndarray | None,
    latency: dict[str, float] | None,
    error: str | None,
    is_baseline: bool,
    stand_in: str | None,
    reference: np.ndarray,
    original: np.ndarray,
    subject: Subject,
    options: Options,
) -> dict[str, Any]:
    figures: dict[str, Any] = {"latency_ms": latency, "error": error}
    if latency is None:
        figures["latency_ms_reason"] = (
            error or f"this machine cannot run {options.target.name}; measure it on the device with edgegan bench"
        )
    if images is None:
        quality: dict[str, Any] = {key: None for key in ("psnr_db", "psnr_original_db", "ssim")} | {
            f"{key}_reason": error for key in ("psnr_db", "psnr_original_db", "ssim")
        }
    else:
        quality = paired(images, original if is_baseline else reference, original, subject.graph.spec.output_range)
    if stand_in:
        quality["measured_on"] = stand_in
    elif options.device is not None and images is not None:
        quality["measured_on"] = str(options.device)
    elif not options.target.runs_here and images is not None:
        quality["measured_on"] = "this machine's CPU, on the same file"
    figures["quality"] = quality | unmeasured("not measured yet")
    return figures


def outputs(artifact: Path, inputs: dict[str, np.ndarray], threads: int) -> np.ndarray:
    """Float images (N, C, H, W) of one artifact for many inputs. Raises DeviceError where it fails."""
    outcome = run_job(Job(artifacts={"one": artifact}, inputs=inputs, threads=threads))["one"]
    if outcome.images is None:
        raise DeviceError(f"{artifact.name} failed: {outcome.error}")
    return outcome.images
