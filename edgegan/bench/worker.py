"""A process that runs artifacts side by side: outputs for given inputs, latency in turns.

Run apart from the compressing process, so that its libraries' threads do not disturb the figures and a vendor's crash
costs one candidate. ``run_job`` is the caller's side; the module as a program is the other.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.bench.power.meter import SECONDS
from edgegan.core.errors import DeviceError, last_line
from edgegan.core.manifest import read_manifest

STEP = re.compile(r"step (\d+) of (\d+)")
"""How the worker tells on standard output how far it is."""
LOADING = re.compile(r"loading (\d+)")
"""How it tells which artifact it hands to its vendor's library, from which it may never come back."""
LOADING_SECONDS = 180.0
"""Within which an artifact loads; vendors' compilers take some tens of seconds for the largest."""


@dataclass(frozen=True)
class Outcome:
    """What one artifact did: its images for the job's inputs, its latency and its energy where asked (``power_reason``:
    why that cannot be read), or the error that stopped it. ``hangs``: its backend did not come back from loading."""

    images: np.ndarray | None = None
    latency_ms: dict[str, float] | None = None
    error: str | None = None
    power: dict[str, Any] | None = None
    power_reason: str | None = None
    hangs: bool = False


class _Hangs(DeviceError):
    """The artifact at ``place`` of the job was not loaded in time."""

    def __init__(self, place: int) -> None:
        super().__init__(f"it was not loaded within {LOADING_SECONDS:.0f} s")
        self.place = place


@dataclass(frozen=True, kw_only=True)
class Job:
    """``artifacts``: name -> file with its manifest. ``timed``: the names whose latency is measured, together.
    ``own_inputs``: of artifacts that take others than ``inputs``. ``metered``: the names whose energy is measured, one
    after the other, in ``metered_seconds`` at rest and as many at work. What takes ``outrun`` times as long as the
    fastest is timed for half as long."""

    artifacts: dict[str, Path]
    inputs: dict[str, np.ndarray]
    threads: int
    timed: tuple[str, ...] = ()
    seconds: float = 1.0
    own_inputs: Mapping[str, dict[str, np.ndarray]] = field(default_factory=dict)
    metered: tuple[str, ...] = ()
    metered_seconds: float = SECONDS
    outrun: float | None = None

    def of(self, *names: str) -> Job:
        """The same of some artifacts alone."""
        return replace(
            self,
            artifacts={name: self.artifacts[name] for name in names},
            timed=tuple(name for name in self.timed if name in names),
            own_inputs={name: own for name, own in self.own_inputs.items() if name in names},
            metered=tuple(name for name in self.metered if name in names),
        )


def run_job(job: Job, told: Callable[[int, int], object] | None = None) -> dict[str, Outcome]:
    """Run all in one process; where that process dies, each in a process of its own. Where one is not loaded in time,
    it and the others of its backend hang, and the rest is run without them. ``told`` hears how far it is."""
    try:
        return _run(job, told)
    except _Hangs as exc:
        hung = list(job.artifacts)[exc.place]
        alike = _of_its_backend(job, hung)
        rest = [name for name in job.artifacts if name not in alike]
        others = run_job(job.of(*rest), told) if rest else {}
        return others | {name: Outcome(error=f"{hung}: {exc}", hangs=True) for name in alike}
    except DeviceError as exc:
        if len(job.artifacts) == 1:
            return {next(iter(job.artifacts)): Outcome(error=str(exc))}
        return {name: outcome for name in job.artifacts for outcome in run_job(job.of(name)).values()}


def p50_ms(outcomes: Mapping[str, Outcome]) -> dict[str, float]:
    """Milliseconds of those artifacts that were timed, by name."""
    return {name: outcome.latency_ms["p50"] for name, outcome in outcomes.items() if outcome.latency_ms}


def _of_its_backend(job: Job, name: str) -> list[str]:
    backend = read_manifest(job.artifacts[name]).backend
    return [other for other, path in job.artifacts.items() if read_manifest(path).backend == backend]


def _run(job: Job, told: Callable[[int, int], object] | None) -> dict[str, Outcome]:
    with tempfile.TemporaryDirectory(prefix="edgegan-") as folder:
        root = Path(folder)
        for name, content in job_files(
            job, {name: str(path.resolve()) for name, path in job.artifacts.items()}
        ).items():
            (root / name).write_bytes(content)
        code = _watched(root, told)
        if code != 0 or not (root / "result.json").exists():
            said = last_line((root / "stderr").read_text(errors="replace"))
            raise DeviceError(f"the measuring process ended with {code}: {said}")
        return read_outcomes(root)


def _watched(root: Path, told: Callable[[int, int], object] | None) -> int:
    """The worker's exit code; ``root/stderr`` has what it said. Raises _Hangs."""
    command = [sys.executable, "-m", "edgegan.bench.worker", str(root)]
    with (
        (root / "stderr").open("wb") as errors,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="replace",
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
        ) as process,
    ):
        assert process.stdout is not None
        loading = _Loading(process)
        try:
            for line in process.stdout:
                loading.ends()
                if match := LOADING.fullmatch(line.strip()):
                    loading.begins(int(match[1]))
                elif told and (match := STEP.fullmatch(line.strip())):
                    told(int(match[1]), int(match[2]))
        except BaseException:
            process.kill()
            raise
        finally:
            loading.ends()
        code = process.wait()
        if loading.hung is not None:
            raise _Hangs(loading.hung)
        return code


class _Loading:
    """Kills the worker when an artifact is not loaded in time; ``hung``: its place."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.hung: int | None = None
        self._timer: threading.Timer | None = None

    def begins(self, place: int) -> None:
        self._timer = threading.Timer(LOADING_SECONDS, self._kill, (place,))
        self._timer.start()

    def ends(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _kill(self, place: int) -> None:
        self.hung = place
        self.process.kill()


def job_files(job: Job, places: Mapping[str, str]) -> dict[str, bytes]:
    """What the worker reads, by file name; ``places``: where each artifact lies for it."""
    files = {id(inputs): f"inputs{index}.npz" for index, inputs in enumerate(job.own_inputs.values())}
    own = {name: files[id(inputs)] for name, inputs in job.own_inputs.items()}
    task = {
        "artifacts": dict(places),
        "threads": job.threads,
        "timed": [name for name in job.timed if name in places],
        "seconds": job.seconds,
        "outrun": job.outrun,
        "own_inputs": own,
        "metered_seconds": job.metered_seconds,
        "metered": [name for name in job.metered if name in places],
    }
    archives = {files[id(inputs)]: inputs for inputs in job.own_inputs.values()} | {"inputs.npz": job.inputs}
    return {file: _archive(inputs) for file, inputs in archives.items()} | {"job.json": json.dumps(task).encode()}


def _archive(arrays: Mapping[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def read_outcomes(root: Path) -> dict[str, Outcome]:
    """What the worker left in its folder."""
    rows: dict[str, Any] = json.loads((root / "result.json").read_text())
    return {
        name: Outcome(
            images=np.load(root / row["images"]) if row.get("images") else None,
            **{key: row.get(key) for key in ("latency_ms", "error", "power", "power_reason")},
        )
        for name, row in rows.items()
    }


def _main(root: Path) -> None:
    from edgegan.bench.finite import why_not_finite
    from edgegan.bench.latency import interleaved
    from edgegan.bench.power.figures import power_of
    from edgegan.core.errors import GeneratorError
    from edgegan.runtime import Generator, load

    job = json.loads((root / "job.json").read_text())
    inputs = dict(np.load(root / "inputs.npz"))
    result: dict[str, dict[str, Any]] = {}
    again: dict[str, tuple[Generator, dict[str, np.ndarray]]] = {}
    whole = len(job["artifacts"]) + len(job["timed"]) + len(job["metered"])
    for index, (name, path) in enumerate(job["artifacts"].items()):
        own = job["own_inputs"].get(name)
        given = inputs if own is None else dict(np.load(root / own))
        _tell(index, whole)
        print(f"loading {index}", flush=True)
        try:
            generator = load(path, threads=job["threads"])
            _tell(index, whole)
            images = generator.images(given)
        except (GeneratorError, RuntimeError, ValueError, MemoryError) as exc:
            result[name] = {"error": str(exc)}
            continue
        if (wrong := why_not_finite(images)) is not None:
            result[name] = {"error": wrong}
            continue
        np.save(root / f"images{index}.npy", images)
        result[name] = {"images": f"images{index}.npy"}
        if name in (*job["timed"], *job["metered"]):
            again[name] = generator, {k: np.ascontiguousarray(v[: generator.batch]) for k, v in given.items()}
    told = partial(_tell_turns, len(job["artifacts"]), len(job["timed"]), whole)
    timed = {name: partial(generator.run, first) for name, (generator, first) in again.items() if name in job["timed"]}
    outrun = job.get("outrun") or inf
    for name, latency in interleaved(timed, job["seconds"], told=told, outrun=outrun).items():
        result[name]["latency_ms"] = latency.to_json()
    for index, name in enumerate(name for name in job["metered"] if name in again):
        _tell(whole - len(job["metered"]) + index, whole)
        result[name] |= power_of(*again[name], job["metered_seconds"])
    (root / "result.json").write_text(json.dumps(result))


def _tell(done: int, whole: int) -> None:
    print(f"step {done} of {whole}", flush=True)


def _tell_turns(before: int, timed: int, whole: int, turn: int, turns: int) -> None:
    _tell(before + timed * turn // turns, whole)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
