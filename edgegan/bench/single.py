"""``edgegan bench`` for one artifact: load, first inference, latency, throughput, memory, power."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from edgegan.bench.environment import environment
from edgegan.bench.latency import UNSTABLE_CV, measure
from edgegan.bench.memory import MIB, peak_rss_mib
from edgegan.bench.power import unmeasured_reason
from edgegan.core.manifest import read_manifest
from edgegan.core.sampling import sample_inputs
from edgegan.runtime import load
from edgegan.runtime.generator import available_threads


def bench(artifact: Path, threads: int | None = None, seconds: float = 3.0, warmup: float = 0.2) -> dict[str, Any]:
    """Measure ``artifact`` on this machine; the JSON of INTERFACE section 2, ``quality`` left to the caller.

    Latency is that of ``Generator.run`` for the artifact's own batch, host memory to host memory. Raises GeneratorError.
    """
    threads = threads or available_threads()
    manifest = read_manifest(artifact)
    start = time.perf_counter()
    with load(artifact, threads=threads) as generator:
        loaded = time.perf_counter()
        inputs = sample_inputs(generator.inputs, generator.batch, 0)
        before = time.perf_counter()
        generator.run(inputs)
        first = time.perf_counter() - before
        latency = measure(lambda: generator.run(inputs), warmup, seconds)
        batch = generator.batch
    warnings = [f"unstable: the coefficient of variation is {latency.cv:.1%}, above {UNSTABLE_CV:.1%}"] if latency.cv > UNSTABLE_CV else []
    size = sum(f["bytes"] for f in manifest.content["files"])
    return {
        "schema": 1, "artifact": artifact.name, "backend": manifest.backend, "precision": manifest.content["precision"], "target": manifest.content["target"], "batch": batch,
        "latency_ms": latency.to_json(), "throughput_ips": batch * 1e3 / latency.mean, "first_inference_ms": first * 1e3, "load_ms": (loaded - start) * 1e3,
        "memory": {"artifact_mib": size / MIB, "peak_rss_mib": peak_rss_mib(artifact, threads), "device_mib": None, "device_mib_reason": "the artifact runs on the CPU"},
        "power": None, "power_reason": unmeasured_reason(), "warnings": warnings, "environment": environment(threads),
    }  # fmt: skip
