"""Every family on an NVIDIA GPU: what ``edgegan build`` keeps against PyTorch, in turns in one process; the cost of
``Generator.run`` over the session's own call; device memory over many runs.

Needs a GPU, PyTorch with CUDA, and TensorRT or onnxruntime-gpu. ``python -m benchmarks.gpu [FAMILY ...]`` renews those
families, or all. Aims: at least 35 dB, never slower than the best of the others, at most 10 microseconds over the bare
call, no growth of device memory over 10,000 runs. No result is committed: no GPU was at hand where this was written.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import missing, publish, renewed
from benchmarks.families import FAMILIES
from edgegan.bench.latency import repeat
from edgegan.bench.ratios import in_rounds
from edgegan.compress import compress
from edgegan.core.errors import DeviceError, GateError, first_line
from edgegan.core.sampling import sample_inputs
from edgegan.engine.build import build
from edgegan.graph.capture import capture
from edgegan.graph.graph import save
from edgegan.metrics.pairwise import psnr_db
from edgegan.runtime import load

GATE, RUNS, OVERHEAD_US = 35.0, 10_000, 10.0


def family_row(family: str, folder: Path) -> dict[str, Any]:
    module, spec = FAMILIES[family].build("full")
    graph = capture(module, spec)
    save(graph, folder / "g.pt2")
    inputs = sample_inputs(spec.inputs, 8, 3)
    wanted = graph.run(inputs)
    texts = FAMILIES[family].full[1]
    low, high = spec.output_range
    compress(
        str(folder / "g.pt2"), "desktop-gpu", inputs=tuple(texts), output_range=(low, high), out=folder / "out",
        min_psnr=GATE, fd_samples=0,
    )  # fmt: skip
    row: dict[str, Any] = {"family": family, "device": torch.cuda.get_device_name(0)}
    try:
        report = build(folder / "out" / "g.edgegan", folder / "engine")
    except GateError as exc:
        return row | {"error": first_line(exc)}
    assert report["result"] is not None
    row |= {"error": None, "candidates": {r["name"]: r["latency_ms"] for r in report["candidates"]}}
    with load(folder / "engine" / str(report["result"]["artifact"])) as generator:
        one = {name: np.ascontiguousarray(value[:1]) for name, value in inputs.items()}
        others = _peers(module.cuda().eval(), one)
        latencies, ratios = in_rounds({"EdgeGAN": lambda: generator.run(one), **others})
        before = torch.cuda.mem_get_info()[0]
        for _ in range(RUNS):
            generator.run(one)
        grown = before - torch.cuda.mem_get_info()[0]
        arrays = [one[name] for name in (i.name for i in generator.inputs)]
        session = generator._session
        whole, bare = repeat(lambda: generator.run(one), 1.0), repeat(lambda: session._run(arrays), 1.0)
        return row | {
            "kept": report["result"]["name"],
            "psnr_db": psnr_db(wanted, generator.images(inputs), spec.output_range),
            "latency_ms": {name: found.to_json() for name, found in latencies.items()},
            "times_as_fast": {name: 1 / ratio.value for name, ratio in ratios.items()},
            "overhead_us": 1e3 * float(np.median(whole) - np.median(bare)),
            "grown_bytes": int(grown),
            "clocks": report["environment"]["clocks"],
        }


def _peers(module: torch.nn.Module, one: dict[str, np.ndarray]) -> dict[str, Callable[[], object]]:
    """Host memory to host memory, as EdgeGAN's own."""

    def called(network: Callable[..., torch.Tensor], half: bool) -> Callable[[], object]:
        def call() -> object:
            with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=half):
                return network(*(torch.from_numpy(value).cuda() for value in one.values())).float().cpu().numpy()

        return call

    compiled = torch.compile(module, mode="max-autotune")
    return {
        "PyTorch eager": called(module, half=False),
        "PyTorch eager, float16": called(module, half=True),
        "torch.compile, float16": called(compiled, half=True),
    }


def report(rows: list[dict[str, Any]]) -> None:
    lines, aims = [], missing(rows, tuple(FAMILIES))
    for row in rows:
        if row["error"]:
            lines.append([row["family"], row["error"], "-", "-", "-", "-"])
            aims[f"{row['family']}: {row['error']}"] = False
            continue
        nearest = min(row["times_as_fast"].values())
        lines.append(
            [
                row["family"],
                row["kept"],
                f"{row['latency_ms']['EdgeGAN']['p50']:.3f}",
                f"{nearest:.2f}",
                f"{row['psnr_db']:.1f}",
                f"{row['overhead_us']:.1f}",
            ]
        )
        aims |= {
            f"{row['family']}: {row['psnr_db']:.1f} dB (aim: {GATE:g})": row["psnr_db"] >= GATE,
            f"{row['family']}: {nearest:.2f} times as fast as the best other (aim: 1)": nearest >= 1.0,
            f"{row['family']}: {row['overhead_us']:.1f} us over the bare call": row["overhead_us"] <= OVERHEAD_US,
            f"{row['family']}: grew by {row['grown_bytes']} bytes in {RUNS} runs": row["grown_bytes"] <= 0,
        }
    columns = ["family", "kept", "p50 ms", "times as fast as the best other", "PSNR dB", "overhead us"]
    publish("gpu", "on an NVIDIA GPU", columns, lines, {"rows": rows}, aims)


def main() -> None:
    if not torch.cuda.is_available():
        raise DeviceError("this benchmark needs an NVIDIA GPU and PyTorch with CUDA")
    rows = renewed("gpu", None, tuple(FAMILIES))
    for family in sys.argv[1:] or FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            rows = renewed("gpu", json.loads(json.dumps(family_row(family, Path(folder)))), tuple(FAMILIES))
        report(rows)


if __name__ == "__main__":
    main()
