"""Peak memory of one artifact, in a process of its own: the parent's other libraries are not in the figure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from edgegan.core.errors import DeviceError

MIB = 1 << 20


def peak_rss_mib(artifact: Path, threads: int) -> float:
    """Peak resident memory of a process that imports the runtime, loads ``artifact`` and runs it a few times, in MiB.

    Raises DeviceError where that process fails.
    """
    done = subprocess.run(
        [sys.executable, "-m", "edgegan.bench.memory", str(artifact), str(threads)], capture_output=True, text=True
    )
    if done.returncode != 0:
        raise DeviceError(
            f"the process that measures memory failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}"
        )
    peak: float = json.loads(done.stdout)["peak_rss_mib"]
    return peak


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


def _main() -> None:
    from edgegan.core.sampling import sample_inputs
    from edgegan.runtime import load

    with load(sys.argv[1], threads=int(sys.argv[2])) as generator:
        inputs = sample_inputs(generator.inputs, generator.batch, 0)
        for _ in range(5):
            generator.run(inputs)
        print(json.dumps({"peak_rss_mib": own_peak_mib()}))


if __name__ == "__main__":
    _main()
