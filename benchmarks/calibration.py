"""What calibrating fashion-dcgan costs: seconds and peak memory of quantizing it for each kind of backend, by sample
count.

Each figure is taken in a process of its own, from the float graph in memory (or the float LiteRT file) to int8. Aims:
256 samples in under 15 s, and memory that does not grow from 32 to 512 samples.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.common import publish
from edgegan.bench.memory import own_peak_mib

COUNTS, SECONDS, GROWTH_MIB = (32, 256, 512), 15.0, 8.0
WAYS = ("pt2e", "litert")


def once(way: str, samples: int, name: str = "fashion-dcgan") -> dict[str, float]:
    """Seconds and peak resident MiB of one calibration in this process."""
    import torch

    from edgegan.compress.options import Options
    from edgegan.compress.subject import load_subject
    from edgegan.core.stage import stopwatch
    from edgegan.core.target import load_target
    from edgegan.export.litert import export_litert
    from edgegan.graph.rewrite import rewrite
    from edgegan.quantize import litert, pt2e
    from edgegan.quantize.scheme import ONNXRUNTIME

    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        options = Options(model=name, target=load_target("x86-cpu"), out=Path(folder), calibration_samples=samples)
        subject = load_subject(options)
        if way == "pt2e":
            graph = rewrite(subject.graph, "phase").value
            with stopwatch() as seconds:
                pt2e.quantize(graph, ONNXRUNTIME, subject.calibration_batches(options))
                taken = seconds()
        else:
            graph = rewrite(subject.graph, "phase-nhwc").value
            floats = export_litert(graph.module, graph.example_inputs(), Path(folder) / "f.tflite")
            with stopwatch() as seconds:
                observed = litert.observe(
                    floats, ([t.numpy() for t in batch] for batch in subject.calibration_batches(options))
                )
                litert.quantize(floats, observed, Path(folder) / "g.tflite")
                taken = seconds()
    return {"seconds": taken, "peak_mib": own_peak_mib()}


def main() -> None:
    if len(sys.argv) == 3:
        print(json.dumps(once(sys.argv[1], int(sys.argv[2]))))
        return
    found = {}
    for way in WAYS:
        for samples in COUNTS:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.calibration", way, str(samples)],
                capture_output=True,
                text=True,
                check=True,
            )
            found[f"{way} {samples}"] = json.loads(done.stdout.splitlines()[-1])
    rows = [[name, f"{row['seconds']:.1f}", f"{row['peak_mib']:.0f}"] for name, row in found.items()]
    aims = {}
    for way in WAYS:
        seconds, growth = (
            found[f"{way} 256"]["seconds"],
            found[f"{way} 512"]["peak_mib"] - found[f"{way} 32"]["peak_mib"],
        )
        aims[f"{way}: 256 samples in {seconds:.1f} s (aim: {SECONDS:g})"] = seconds < SECONDS
        aims[f"{way}: {growth:+.1f} MiB from 32 to 512 samples (aim: within {GROWTH_MIB:g})"] = growth < GROWTH_MIB
    publish(
        "calibration",
        "quantizing fashion-dcgan, 2 threads",
        ["way and samples", "seconds", "peak MiB"],
        rows,
        {"figures": found},
        aims,
    )


if __name__ == "__main__":
    main()
