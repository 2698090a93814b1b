"""kill -9 at any moment, and the same command again: ``python -m tests.campaign.kills --moments 100`` prints a table.

Each job is run unbroken once; then, at moments drawn over the time that took, its process group is killed, and the
command is given again. It must end well, leave no half-written file, and, where nothing is timed, end with the
artifact that the unbroken run made, hash for hash.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgegan.cli.console import ConsoleProgress, table
from edgegan.core.errors import last_line

ROOT = Path(__file__).parents[2]
LIMIT = 600
SUBJECT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.subjects import TinyDcgan, randomized
def latent(): return randomized(TinyDcgan())
"""


@dataclass(frozen=True)
class Job:
    """A command and what it leaves. ``same``: files whose hashes an interruption must not change; the others must be
    there. ``prepared``: a command before it, which is not interrupted."""

    command: tuple[str, ...]
    same: tuple[str, ...] = ()
    there: tuple[str, ...] = ()
    prepared: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


TINY = (
    "--input", "latent:8x1x1", "--min-psnr", "10", "--calibration-samples", "16", "--fd-samples", "0", "--threads", "1",
)  # fmt: skip
UNTIMED = ("compress", "subject.py:latent", "--target", "jetson-orin", *TINY, "--out", "out")
FAKES = (("PYTHONPATH", f"{ROOT / 'tests' / 'fakes'}:{ROOT}"), ("LD_LIBRARY_PATH", "lib"))
JOBS = {
    "compress": Job((*UNTIMED, "--formulation", "phase"), same=("out/g.edgegan",)),
    "distil": Job((*UNTIMED, "--prune", "0.5", "--distill-steps", "40"), same=("out/g.edgegan",)),
    "qat": Job((*UNTIMED, "--qat", "--qat-steps", "20", "--precision", "int8"), same=("out/g.edgegan",)),
    "compress, timed": Job(
        ("compress", "subject.py:latent", "--target", "mobile", *TINY, "--out", "out"), there=("out/g.tflite",)
    ),
    "train": Job(
        ("train", "fashion-gan", "--data", "digits.npz", "--set", "batch=4", "--set", "checkpoint_every=5",
         "--steps", "40", "--out", "out"),
        same=("out/generator.safetensors",),
    ),
    "search": Job(
        ("search", "subject.py:latent", "--target", "mobile", "--trials", "3", "--quality", "psnr", "--distill-steps",
        "8", *TINY, "--out", "out"), there=("out/search.json",),
    ),
    "build": Job(
        ("build", "out/g.edgegan", "--seconds", "0.1", "--out", "engine"),
        there=("engine/g.plan", "engine/report.json"),
        prepared=UNTIMED,
        environment=FAKES,
    ),
}  # fmt: skip


def prepare(job: Job, folder: Path) -> None:
    """What the command finds in its folder."""
    import numpy as np

    folder.mkdir()
    (folder / "subject.py").write_text(SUBJECT)
    digits = np.random.default_rng(0).integers(0, 256, (64, 28, 28)).astype(np.uint8)
    np.savez(folder / "digits.npz", images=digits)
    (folder / "lib").mkdir()
    for found in Path("/lib").glob("*/libm.so.6"):
        (folder / "lib" / "libcuda.so.1").symlink_to(found)
    if job.prepared:
        done = _started(job.prepared, folder, ()).wait(LIMIT)
        assert done == 0, f"{' '.join(job.prepared)} ended with {done}"


def _started(
    command: tuple[str, ...], folder: Path, environment: tuple[tuple[str, str], ...]
) -> subprocess.Popen[bytes]:
    """The command in a process group of its own; what it says goes to ``said.txt``."""
    own = {"OMP_NUM_THREADS": "1", "EDGEGAN_CACHE": str(folder / "cache"), "PYTHONPATH": str(ROOT)} | dict(environment)
    with (folder / "said.txt").open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "edgegan.cli.app", *command],
            cwd=folder, env=os.environ | own, stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip


def finished(job: Job, folder: Path) -> str | None:
    """Run the command to its end; what is wrong with what it left, None where nothing is."""
    try:
        ended = _started(job.command, folder, job.environment).wait(LIMIT)
    except subprocess.TimeoutExpired:
        return f"did not end within {LIMIT} s"
    if ended:
        return f"ended with {ended}: {last_line((folder / 'said.txt').read_bytes())}"
    if missing := [name for name in (*job.same, *job.there) if not (folder / name).is_file()]:
        return f"left no {', '.join(missing)}"
    halves = [p.name for p in folder.rglob("*") if ".part" in p.name and "cache" not in p.parts]
    return f"left {', '.join(halves)}" if halves else None


def hashes(job: Job, folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in job.same}


def killed(job: Job, folder: Path, moment: float) -> bool:
    """Start the command and kill it after ``moment`` seconds; False where it had ended by itself."""
    process = _started(job.command, folder, job.environment)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def interrupted(job: Job, moments: int, seed: int, root: Path) -> Iterator[str | None]:
    """For each moment what was wrong after the second run, None where nothing was."""
    whole = root / "whole"
    prepare(job, whole)
    start = time.monotonic()
    if (wrong := finished(job, whole)) is not None:
        raise SystemExit(f"unbroken, {' '.join(job.command)} {wrong}")
    took, wanted, rng = time.monotonic() - start, hashes(job, whole), random.Random(seed)
    for number in range(moments):
        folder = root / f"{number}"
        prepare(job, folder)
        moment = rng.uniform(0.05, 1) * took
        killed(job, folder, moment)
        wrong = finished(job, folder)
        if wrong is None and hashes(job, folder) != wanted:
            wrong = "ended with another artifact"
        yield None if wrong is None else f"killed after {moment:.2f} of {took:.2f} s: {wrong}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=100, help="over all jobs")
    parser.add_argument("--jobs", nargs="*", default=list(JOBS), choices=list(JOBS))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rows, wrong = [], []
    each = -(-given.moments // len(given.jobs))
    with ConsoleProgress() as progress:
        for name in given.jobs:
            progress.stage(name)
            with tempfile.TemporaryDirectory() as folder:
                found = []
                for outcome in interrupted(JOBS[name], each, given.seed, Path(folder)):
                    found.append(outcome)
                    progress.step(len(found), each)
            bad = [f"{name}: {outcome}" for outcome in found if outcome is not None]
            rows.append(
                [name, str(len(found)), str(len(found) - len(bad)), "hash for hash" if JOBS[name].same else "-"]
            )
            wrong += bad
    table("killed and run again", ["job", "moments", "ended well", "the same"], rows)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
