"""What EdgeGAN's runtime adds: gen.run against the bare vendor call, and the cost of importing it.

Aims: at most 5 % or 20 microseconds more a call; import under 0.3 s, without torch.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.artifacts import BARE, artifact
from benchmarks.common import (
    ours,
    publish,
    shared_inputs,
    subject,
)
from edgegan.bench.latency import interleaved


def import_seconds() -> tuple[float, bool]:
    """Median wall time of ``import edgegan.runtime`` (numpy included), and whether torch came along."""
    whole = (
        "import sys, time; t = time.perf_counter(); import edgegan.runtime; print(time.perf_counter() - t, 'torch' "
        "in sys.modules)"
    )
    times, torch = [], False
    for _ in range(7):
        seconds, found = subprocess.run(
            [sys.executable, "-c", whole], capture_output=True, text=True, check=True
        ).stdout.split()
        times.append(float(seconds))
        torch = torch or found == "True"
    return sorted(times)[len(times) // 2], torch


def main() -> None:
    _, graph = subject()
    inputs = shared_inputs(graph, 4)
    rows, aims = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for backend, bare in BARE.items():
            path = artifact(backend, Path(folder), graph, "fashion-dcgan")
            source = path if backend != "openvino" else str(path)
            calls = {"bare": bare("bare", source, inputs).call, "gen.run": ours("ours", path, inputs).call}
            found = interleaved(calls, seconds=3.0, rounds=12)
            a, b = found["bare"].p50, found["gen.run"].p50
            rows.append({"backend": backend, "bare_ms": a, "run_ms": b, "added_us": (b - a) * 1e3, "ratio": b / a})
            aims[f"{backend}: {(b - a) * 1e3:+.1f} us, {b / a - 1:+.1%} (aim: 5 % or 20 us)"] = (
                b <= 1.05 * a or (b - a) <= 0.02
            )
    time.sleep(0.5)
    seconds, torch = import_seconds()
    aims[f"import edgegan.runtime takes {seconds:.3f} s (aim: 0.3) {'with' if torch else 'without'} torch"] = (
        seconds < 0.3 and not torch
    )
    lines = [[r["backend"], f"{r['bare_ms']:.4f}", f"{r['run_ms']:.4f}", f"{r['added_us']:+.1f}"] for r in rows]
    publish(
        "runtime",
        "gen.run against the bare vendor call",
        ["backend", "bare p50 ms", "gen.run p50 ms", "added us"],
        lines,
        {"rows": rows, "import_s": seconds},
        aims,
    )


if __name__ == "__main__":
    main()
