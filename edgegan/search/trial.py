"""One trial: a network pruned and trained as its point says, compressed, measured, and kept."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgegan.compress.options import Options
from edgegan.compress.pipeline import run as compress
from edgegan.compress.subject import Subject, load_subject
from edgegan.core.errors import GateError, ModelError, TargetError, first_line
from edgegan.core.manifest import copy_artifact, read_manifest
from edgegan.core.progress import Silent
from edgegan.graph.cost import macs
from edgegan.metrics.pairwise import psnr_db
from edgegan.prune.channels import prune, recapture
from edgegan.prune.distil import distil
from edgegan.prune.place import train_device
from edgegan.prune.settings import Settings, weights_of
from edgegan.search.space import Point

POINTS, RUNS = "points", "runs"
COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"
FIGURES = ("latency_ms", "energy_mj", "psnr_db", "fd_lite0")
KEPT = ("report.json", "report.html", "samples.png")


@dataclass(frozen=True)
class Trial:
    """What is known of a trial. ``state``: complete, pruned (given up after a short training) or failed; ``artifact``:
    its file below the output folder."""

    number: int
    params: Mapping[str, Any]
    state: str
    latency_ms: float | None = None
    energy_mj: float | None = None
    macs: int | None = None
    bytes: int | None = None
    psnr_db: float | None = None
    fd_lite0: float | None = None
    artifact: str | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        values = {name: value for name, value in vars(self).items() if name != "reasons"}
        reasons = {f"{name}_reason": text for name, text in self.reasons.items()}
        if "state" in self.reasons:
            missing = [name for name in FIGURES if values[name] is None and name not in self.reasons]
            reasons |= {f"{name}_reason": f"{self.state}: {self.reasons['state']}" for name in missing}
        return {**values, "params": dict(self.params)} | reasons


def short_quality(
    index: int, subject: Subject | None, point: Point, options: Options, steps: int
) -> tuple[int, int, float]:
    """``index``, multiply-accumulates of the pruned network, and its PSNR to the original after so few ``steps`` of
    training; ``subject`` is loaded where it is None."""
    subject = subject or load_subject(options)
    told = replace(options, **point.options)
    graph, network = prune(subject.graph, point.prune, told.how_to_prune).value
    if steps:
        settings = Settings(
            steps=steps,
            seed=options.seed,
            device=train_device(options.train_device),
            **weights_of(options.losses),
        )
        graph = recapture(distil(subject.graph, network, settings, subject.data.images).value, subject.graph)
    inputs = subject.check_inputs(options)
    return index, macs(graph), psnr_db(subject.graph.run(inputs), graph.run(inputs), graph.spec.output_range)


def whole(points: Mapping[int, Point], options: Options) -> list[Trial]:
    """The trials of points by number, one after the other."""
    return [full(number, point, options) for number, point in points.items()]


def full(number: int, point: Point, options: Options) -> Trial:
    """The whole of compressing for the point; its artifact, manifest, report and pictures lie in ``points/NUMBER``
    afterwards. The network is trained once for all precisions of it."""
    run_folder, kept = options.out / RUNS / point.folder, options.out / POINTS / f"{number:04d}"
    told = replace(options, out=run_folder, force=False, **point.options)
    params = {"prune": point.prune, "allocation": point.allocation, "criterion": point.criterion}
    params |= {"precision": point.precision}
    try:
        report = compress(told, Silent()).content
    except (GateError, ModelError, TargetError) as exc:
        return Trial(number, params, FAILED, reasons={"state": first_line(exc)})
    result, quality = report["result"], report["result"]["quality"]
    artifact = _keep(run_folder, kept, result["artifact"])
    latency, power = result["latency_ms"], result.get("power")
    figures = {"latency_ms": latency and latency["p50"], "energy_mj": power and power["energy_mj_per_inference"]}
    figures |= {"psnr_db": quality["psnr_original_db"], "fd_lite0": quality["fd_lite0"]}
    reasons = {
        "latency_ms": result.get("latency_ms_reason"),
        "energy_mj": result.get("power_reason", "energy was not asked for: --prefer energy"),
        "fd_lite0": quality.get("fd_lite0_reason"),
    }
    return Trial(
        number,
        params,
        COMPLETE,
        macs=result["macs"],
        bytes=result["bytes"],
        artifact=str(artifact.relative_to(options.out)),
        reasons={name: text for name, text in reasons.items() if figures[name] is None and text},
        **figures,
    )


def _keep(source: Path, target: Path, artifact: str) -> Path:
    """Copy what a run chose: its files by the manifest, the report and the pictures."""
    copy_artifact(read_manifest(source / artifact), target)
    for name in KEPT:
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
    return target / artifact
