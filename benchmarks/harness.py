"""What ``edgegan bench`` says against what the vendors' calls take: five artifacts, float32, in turns.

Aims: medians within 3 % of bare loops; of 100 comparisons of an artifact with itself at least 95 whose interval holds
1; the harness's own time under 1 % of a call of 0.2 ms; layers that sum to within 10 % of the whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.artifacts import BARE, artifact
from benchmarks.common import THREADS, publish
from benchmarks.families import FAMILIES
from edgegan.bench.harness import harness
from edgegan.bench.latency import measure, repeat
from edgegan.bench.profile.run import profile
from edgegan.bench.ratios import in_rounds
from edgegan.core.sampling import sample_inputs
from edgegan.graph.capture import capture
from edgegan.runtime import load

SUBJECTS = (
    ("dcgan", "onnxruntime"),
    ("pix2pix", "openvino"),
    ("sr-compact", "litert"),
    ("esrgan", "openvino"),
    ("hifigan", "litert"),
)
AGREE, CONTAINED, REPEATS, OVERHEAD, SHORT_MS, PROFILED = 0.03, 95, 100, 0.01, 0.2, 0.10
LOADS, TURNS, TURN_SECONDS, PROFILE_SECONDS = 6, 4, 0.3, 3.0
SELF_ROUNDS, SELF_TURN = 24, 0.02
"""Of a comparison with itself: shorter turns than a user's, since there are a hundred."""


def agreement(path: Path, bare_of: Callable[[], Callable[[], Any]], inputs: dict[str, np.ndarray]) -> dict[str, float]:
    """Median milliseconds of a bare loop and of the harness around ``Generator.run``, in turns; over LOADS loads of
    each, since two loads of one file differ by some percent where their memory comes to lie."""
    bare_times, own = [], []
    for _ in range(LOADS):
        bare = bare_of()
        with load(path, threads=THREADS) as generator:
            for _ in range(TURNS):
                repeat(bare, 0.05)
                bare_times.append(float(np.median(repeat(bare, TURN_SECONDS, 1))))
                own.append(measure(partial(generator.run, inputs), 0.05, TURN_SECONDS, 1).p50)
    return {"bare_ms": float(np.mean(bare_times)), "bench_ms": float(np.mean(own))}


def contained(path: Path, inputs: dict[str, np.ndarray]) -> int:
    """Of REPEATS comparisons of one artifact, loaded twice, with itself: those whose interval holds 1."""
    held = 0
    with load(path, threads=THREADS) as one, load(path, threads=THREADS) as other:
        calls = {"one": partial(one.run, inputs), "other": partial(other.run, inputs)}
        for _ in range(REPEATS):
            _, ratios = in_rounds(calls, SELF_ROUNDS, SELF_TURN, 0.005)
            held += ratios["other"].low <= 1 <= ratios["other"].high
    return held


def row_of(name: str, backend: str, folder: Path) -> dict[str, Any]:
    module, spec = FAMILIES[name].build("full")
    graph = capture(module, spec)
    path = artifact(backend, folder, graph, name)
    inputs = sample_inputs(spec.inputs, 1, 0)

    def bare_of() -> Callable[[], Any]:
        call: Callable[[], Any] = BARE[backend](name, str(path) if backend == "openvino" else path, inputs).call
        return call

    found, _ = profile(path, THREADS, PROFILE_SECONDS)
    assert found is not None
    sums = {key: found[key] for key in ("source", "sum_ms", "whole_ms", "calls")}
    return {"family": name, "backend": backend, **agreement(path, bare_of, inputs), "profile": sums}


def main() -> None:
    rows, aims = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for index, (name, backend) in enumerate(SUBJECTS):
            own = Path(folder) / str(index)
            own.mkdir()
            rows.append(row_of(name, backend, own))
        first = sample_inputs(FAMILIES[SUBJECTS[0][0]].build("full")[1].inputs, 1, 0)
        held = contained(Path(folder) / "0" / SUBJECTS[0][1] / "g.onnx", first)
    for row in rows:
        what = f"{row['family']} in {row['backend']}"
        off = row["bench_ms"] / row["bare_ms"] - 1
        aims[f"{what}: median {off:+.1%} from the bare loop's (aim: {AGREE:.0%})"] = abs(off) <= AGREE
        missing = 1 - row["profile"]["sum_ms"] / row["profile"]["whole_ms"]
        aims[f"{what}: layers sum to {missing:.1%} less than the whole (aim: {PROFILED:.0%})"] = (
            abs(missing) <= PROFILED
        )
    aims[f"{held} of {REPEATS} comparisons with itself hold 1 (aim: {CONTAINED})"] = held >= CONTAINED
    overhead = harness()["overhead_us"] / (SHORT_MS * 1e3)
    aims[f"the harness takes {overhead:.2%} of a call of {SHORT_MS} ms (aim: {OVERHEAD:.0%})"] = overhead < OVERHEAD
    publish(
        "harness",
        "edgegan bench against bare loops over the vendors' calls",
        ["family", "backend", "bare p50 ms", "bench p50 ms", "layers ms", "of ms"],
        [
            [
                r["family"],
                r["backend"],
                *(f"{r[key]:.3f}" for key in ("bare_ms", "bench_ms")),
                *(f"{r['profile'][key]:.3f}" for key in ("sum_ms", "whole_ms")),
            ]
            for r in rows
        ],
        {"rows": rows, "held": held, "repeats": REPEATS, "overhead": overhead},
        aims,
    )


if __name__ == "__main__":
    main()
