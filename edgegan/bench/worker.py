"""A process that runs artifacts side by side: outputs for given inputs, latency in turns.

Run apart from the compressing process, so that its libraries' threads do not disturb the figures and a vendor's crash
costs one candidate. ``run_job`` is the caller's side; the module as a program is the other.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.core.errors import DeviceError


@dataclass(frozen=True)
class Outcome:
    """What one artifact did: its images for the job's inputs, its latency where asked, or the error that stopped it."""

    images: np.ndarray | None = None
    latency_ms: dict[str, float] | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """``artifacts``: name -> file with its manifest. ``timed``: the names whose latency is measured, together."""

    artifacts: dict[str, Path]
    inputs: dict[str, np.ndarray]
    threads: int
    timed: tuple[str, ...] = ()
    seconds: float = 1.0


def run_job(job: Job) -> dict[str, Outcome]:
    """Run all in one process; where that process dies, each in a process of its own."""
    try:
        return _run(job)
    except DeviceError as exc:
        if len(job.artifacts) == 1:
            return {next(iter(job.artifacts)): Outcome(error=str(exc))}
        return {
            name: outcome
            for name, path in job.artifacts.items()
            for outcome in run_job(
                Job(
                    artifacts={name: path},
                    inputs=job.inputs,
                    threads=job.threads,
                    timed=tuple(t for t in job.timed if t == name),
                    seconds=job.seconds,
                )
            ).values()
        }


def _run(job: Job) -> dict[str, Outcome]:
    with tempfile.TemporaryDirectory(prefix="edgegan-") as folder:
        root = Path(folder)
        for name, content in job_files(
            job, {name: str(path.resolve()) for name, path in job.artifacts.items()}
        ).items():
            (root / name).write_bytes(content)
        done = subprocess.run(
            [sys.executable, "-m", "edgegan.bench.worker", folder],
            capture_output=True,
            text=True,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
        )
        if done.returncode != 0 or not (root / "result.json").exists():
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise DeviceError(f"the measuring process ended with {done.returncode}: {last}")
        return read_outcomes(root)


def job_files(job: Job, places: Mapping[str, str]) -> dict[str, bytes]:
    """What the worker reads, by file name; ``places``: where each artifact lies for it."""
    inputs = io.BytesIO()
    np.savez(inputs, **job.inputs)  # type: ignore[arg-type]
    task = {
        "artifacts": dict(places),
        "threads": job.threads,
        "timed": [name for name in job.timed if name in places],
        "seconds": job.seconds,
    }
    return {"inputs.npz": inputs.getvalue(), "job.json": json.dumps(task).encode()}


def read_outcomes(root: Path) -> dict[str, Outcome]:
    """What the worker left in its folder."""
    rows: dict[str, Any] = json.loads((root / "result.json").read_text())
    return {
        name: Outcome(
            np.load(root / row["images"]) if row.get("images") else None, row.get("latency_ms"), row.get("error")
        )
        for name, row in rows.items()
    }


def _main(root: Path) -> None:
    from edgegan.bench.latency import interleaved
    from edgegan.core.errors import GeneratorError
    from edgegan.runtime import load

    job = json.loads((root / "job.json").read_text())
    inputs = dict(np.load(root / "inputs.npz"))
    result: dict[str, dict[str, Any]] = {}
    calls = {}
    for index, (name, path) in enumerate(job["artifacts"].items()):
        try:
            generator = load(path, threads=job["threads"])
            images = generator.images(inputs)
        except (GeneratorError, RuntimeError, ValueError, MemoryError) as exc:
            result[name] = {"error": str(exc)}
            continue
        np.save(root / f"images{index}.npy", images)
        result[name] = {"images": f"images{index}.npy"}
        if name in job["timed"]:
            first = {key: np.ascontiguousarray(value[: generator.batch]) for key, value in inputs.items()}
            calls[name] = lambda generator=generator, first=first: generator.run(first)
    for name, latency in interleaved(calls, job["seconds"]).items():
        result[name]["latency_ms"] = latency.to_json()
    (root / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
