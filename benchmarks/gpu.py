"""Families on an NVIDIA GPU: what ``edgegan build`` keeps against PyTorch, in turns in one process; the cost of
``Generator.run`` over the session's own call; device memory over many runs; energy of a picture by NVML.

``python -m benchmarks.gpu prepare FOLDER [FAMILY ...]`` writes bundles anywhere; ``python -m benchmarks.gpu FOLDER``
builds and measures those on a machine with a GPU, PyTorch with CUDA, and TensorRT or onnxruntime-gpu where they are to
be compared. Aims: at least 35 dB, never slower than the best of the others, at most 10 microseconds over the bare call,
no growth of device memory over 10,000 runs. Networks are untrained: speed does not hang on that.
"""

from __future__ import annotations

import json
import shutil
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
from edgegan.bench.power.contract import Unreadable
from edgegan.bench.power.find import opened
from edgegan.bench.power.meter import metered
from edgegan.bench.ratios import in_rounds
from edgegan.compress import compress
from edgegan.core.errors import DeviceError, GateError, first_line
from edgegan.core.sampling import sample_inputs
from edgegan.engine.build import build
from edgegan.graph.capture import capture
from edgegan.graph.graph import save
from edgegan.metrics.pairwise import psnr_db
from edgegan.runtime import load

GATE, RUNS, OVERHEAD_US, ENERGY_SECONDS = 35.0, 10_000, 10.0, 4.0


def prepare(family: str, folder: Path) -> None:
    """The bundle of float variants; int8 is TensorRT's alone."""
    module, spec = FAMILIES[family].build("full")
    with tempfile.TemporaryDirectory() as made:
        out = Path(made)
        save(capture(module, spec), out / "g.pt2")
        compress(
            str(out / "g.pt2"), "desktop-gpu", inputs=FAMILIES[family].full[1], output_range=spec.output_range,
            out=out / "out", min_psnr=GATE, fd_samples=0, precision="fp16",
        )  # fmt: skip
        (folder / family).mkdir(parents=True, exist_ok=True)
        for name in ("g.edgegan", "g.edgegan.json"):
            shutil.copy(out / "out" / name, folder / family / name)


def family_row(family: str, bundle: Path, made: Path) -> dict[str, Any]:
    module, spec = FAMILIES[family].build("full")
    inputs = sample_inputs(spec.inputs, 8, 3)
    with torch.no_grad():
        wanted = np.concatenate([module(*(torch.from_numpy(v[i : i + 1]) for v in inputs.values())) for i in range(8)])
    row: dict[str, Any] = {"family": family, "device": torch.cuda.get_device_name(0)}
    try:
        report = build(bundle, made)
    except GateError as exc:
        return row | {"error": first_line(exc)}
    assert report["result"] is not None
    row |= {"error": None, "candidates": {r["name"]: r["latency_ms"] or r["error"] for r in report["candidates"]}}
    artifact = made / str(report["result"]["artifact"])
    with load(artifact) as generator:
        one = {name: np.ascontiguousarray(value[:1]) for name, value in inputs.items()}
        latencies, ratios = in_rounds({"EdgeGAN": lambda: generator.run(one), **_peers(module.cuda().eval(), one)})
        before = torch.cuda.mem_get_info()[0]
        for _ in range(RUNS):
            generator.run(one)
        grown = before - torch.cuda.mem_get_info()[0]
        arrays = [one[i.name] for i in generator.inputs]
        session = generator._session
        parts = [(repeat(lambda: generator.run(one), 0.2), repeat(lambda: session.run(arrays), 0.2)) for _ in range(6)]
        return row | {
            "kept": report["result"]["name"],
            "notes": list(session.notes),
            "psnr_db": psnr_db(wanted, generator.images(inputs), spec.output_range),
            "latency_ms": {name: found.to_json() for name, found in latencies.items()},
            "times_as_fast": {name: 1 / ratio.value for name, ratio in ratios.items()},
            "overhead_us": 1e3 * float(np.median([np.median(ours) - np.median(bare) for ours, bare in parts])),
            "grown_bytes": int(grown),
            "power": _power(lambda: generator.run(one), session.manifest.backend),
            "clocks": report["environment"]["clocks"],
        }


def _power(call: Callable[[], object], backend: str) -> dict[str, Any] | str:
    """Of a call, all that the board takes included; why not, where it tells nothing."""
    try:
        source = opened("desktop-gpu", backend)
    except Unreadable as exc:
        return str(exc)
    try:
        return metered(source, call, 1, ENERGY_SECONDS)
    finally:
        source.close()


def _peers(module: torch.nn.Module, one: dict[str, np.ndarray]) -> dict[str, Callable[[], object]]:
    """Host memory to host memory, as EdgeGAN's own."""

    def called(network: Callable[..., torch.Tensor], half: bool) -> Callable[[], object]:
        def call() -> object:
            with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=half):
                image: np.ndarray = network(*(torch.from_numpy(v).cuda() for v in one.values())).float().cpu().numpy()
                return image

        return call

    compiled = torch.compile(module, mode="max-autotune")
    return {
        "PyTorch eager": called(module, half=False),
        "PyTorch eager, float16": called(module, half=True),
        "torch.compile, float16": called(compiled, half=True),
    }


def report(rows: list[dict[str, Any]]) -> None:
    lines: list[list[str]] = []
    aims = missing(rows, tuple(FAMILIES))
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
    if sys.argv[1] == "prepare":
        for family in sys.argv[3:] or FAMILIES:
            prepare(family, Path(sys.argv[2]))
        return
    if not torch.cuda.is_available():
        raise DeviceError("this benchmark needs an NVIDIA GPU and PyTorch with CUDA")
    for bundle in sorted(Path(sys.argv[1]).glob("*/g.edgegan")):
        with tempfile.TemporaryDirectory() as made:
            row = family_row(bundle.parent.name, bundle, Path(made))
        report(renewed("gpu", json.loads(json.dumps(row)), tuple(FAMILIES)))


if __name__ == "__main__":
    main()
