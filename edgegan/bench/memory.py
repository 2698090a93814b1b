"""Peak memory of one artifact, in a process of its own: the parent's other libraries are not in the figure."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from edgegan.core.apart import ended_by
from edgegan.core.errors import DeviceError, last_line

MIB = 1 << 20
RUNS = 5


class Killed(DeviceError):
    """The process that loads and runs the artifact was ended from outside."""


@dataclass(frozen=True)
class Taken:
    """MiB. ``peak_rss``: of a process that imports the runtime, loads the artifact and runs it a few times. ``arena``:
    what the first runs add to what loading took, activations and scratch. ``device``: what loading and running takes of
    the GPU's memory, by its driver; None on the CPU. Where None, ``*_reason`` says why."""

    peak_rss: float
    arena: float | None
    arena_reason: str | None
    device: float | None
    device_reason: str | None


def memory_of(artifact: Path, threads: int) -> Taken:
    """Raises DeviceError where that process fails, Killed where the kernel ended it for its memory, ArtifactError where
    the artifact crashes it."""
    done = subprocess.run(
        [sys.executable, "-m", "edgegan.bench.memory", str(artifact), str(threads)], capture_output=True, text=True
    )
    if done.returncode == -signal.SIGKILL:
        raise Killed(
            f"{artifact}: the process that loads and runs it was killed, as a kernel does that runs out of memory"
        )
    if done.returncode < 0:
        raise ended_by(artifact, -done.returncode)
    if done.returncode != 0:
        raise DeviceError(f"the process that measures memory failed: {last_line(done.stderr)}")
    return Taken(**json.loads(done.stdout.splitlines()[-1]))


def own_peak_mib() -> float:
    """Peak resident memory of this process so far, in MiB.

    VmHWM belongs to this program alone; getrusage's figure, used elsewhere, may be inherited from the parent.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, IndexError, ValueError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / MIB if sys.platform == "darwin" else peak / 1024


def _anonymous_mib() -> float | None:
    """Memory of this process that belongs to no file, now; None where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("RssAnon:")[2].split()[0]) / 1024
    except (OSError, IndexError, ValueError):
        return None


def _main(artifact: Path, threads: int) -> None:
    from edgegan.core.backends import backend
    from edgegan.core.manifest import read_manifest
    from edgegan.core.sampling import sample_inputs
    from edgegan.runtime import load
    from edgegan.runtime.cuda import open_memory

    gpu = open_memory() if backend(read_manifest(artifact).backend).on_gpu else None
    free = gpu.free_bytes() if gpu else 0
    with load(artifact, threads=threads) as generator:
        inputs = sample_inputs(generator.inputs, generator.batch, 0)
        loaded = _anonymous_mib()
        for _ in range(RUNS):
            generator.run(inputs)
        ran = _anonymous_mib()
        taken = Taken(
            peak_rss=own_peak_mib(),
            arena=None if loaded is None or ran is None else max(0.0, ran - loaded),
            arena_reason="this system tells no anonymous memory of a process" if ran is None else None,
            device=(free - gpu.free_bytes()) / MIB if gpu else None,
            device_reason=None if gpu else "the artifact runs on the CPU",
        )
    print(json.dumps(asdict(taken)))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))
