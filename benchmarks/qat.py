"""What training under simulated rounding wins back on fashion-dcgan, over three seeds, in exported files.

Pruned until multiply-accumulates are 8 times fewer and distilled, as ``edgegan prune`` does; then int8 by calibration
alone and after ``--qat``, run in ONNX Runtime, against the unpruned float network: how much of the decibels that
rounding loses comes back (aim: half). With weights of 4 bits and activations of 8 in LiteRT, against the float network
that was rounded (aim: 30 dB), pruned and unpruned. ``python -m benchmarks.qat``; the pruned networks are kept in
runs/qat.
"""

from __future__ import annotations

import logging
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import litert_contender, onnxruntime_contender, publish, shared_inputs, subject
from edgegan.cli.console import ConsoleProgress
from edgegan.compress import compress
from edgegan.compress.qat import fine_tune
from edgegan.core.sampling import sample_inputs
from edgegan.export.litert import export_litert
from edgegan.export.onnx import export_onnx
from edgegan.graph.graph import Graph, load
from edgegan.graph.rewrite import rewrite
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize import litert, pt2e
from edgegan.quantize.scheme import ONNXRUNTIME

SEEDS, MACS_RATIO, HALF, USABLE_DB = (0, 1, 2), 8.0, 0.5, 30.0
STEPS = {8: 400, 4: 400}
SPAN = (-1.0, 1.0)


def calibration(graph: Graph, seed: int) -> list[tuple[torch.Tensor, ...]]:
    values = sample_inputs(graph.spec.inputs, 128, 1000 + seed)
    return [tuple(torch.from_numpy(v[i : i + 1]) for v in values.values()) for i in range(128)]


def int8_images(
    graph: Graph, batches: list[tuple[torch.Tensor, ...]], inputs: dict[str, np.ndarray], folder: Path
) -> np.ndarray:
    """Of the exported file in ONNX Runtime."""
    path = export_onnx(pt2e.quantize(rewrite(graph, "phase").value, ONNXRUNTIME, batches).value, folder / "g.onnx")
    return onnxruntime_contender("int8", path, inputs).images


def int4_images(
    graph: Graph, batches: list[tuple[torch.Tensor, ...]], inputs: dict[str, np.ndarray], folder: Path
) -> np.ndarray:
    """Of a LiteRT file with weights of 4 bits."""
    form = rewrite(graph, "phase-nhwc").value
    floats = export_litert(form.module, form.example_inputs(), folder / "f.tflite")
    observed = litert.observe(floats, ([t.numpy() for t in batch] for batch in batches))
    return litert_contender(
        "int4", litert.quantize(floats, observed, folder / "g.tflite", weight_bits=4).value, inputs
    ).images


def one_seed(seed: int, original: Graph, inputs: dict[str, np.ndarray], progress: ConsoleProgress) -> dict[str, float]:
    out = Path("runs/qat") / f"seed{seed}"
    compress(
        "fashion-dcgan",
        "x86-cpu",
        out=out,
        macs_ratio=MACS_RATIO,
        seed=seed,
        threads=2,
        progress=progress,
        until="prune",
    )
    pruned = load(out / "stages" / "pruned.pt2", original.spec, 1)
    batches = calibration(original, seed)
    wanted, own = original.run(inputs), pruned.run(inputs)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        progress.stage("qat, 8 bits")
        trained = fine_tune(
            pruned, ONNXRUNTIME, STEPS[8], seed, batches, progress=progress.step, teacher=original
        ).value
        found = {
            "float": psnr_db(wanted, own, SPAN),
            "int8 calibrated": psnr_db(wanted, int8_images(pruned, batches, inputs, folder), SPAN),
            "int8 trained": psnr_db(wanted, int8_images(trained, batches, inputs, folder), SPAN),
        }
        for name, graph, reference in (("pruned", pruned, own), ("unpruned", original, wanted)):
            progress.stage(f"qat, 4 bits, {name}")
            found[f"{name} w4 calibrated"] = psnr_db(reference, int4_images(graph, batches, inputs, folder), SPAN)
            trained = fine_tune(
                graph, replace(ONNXRUNTIME, weight_bits=4), STEPS[4], seed, batches, progress=progress.step
            ).value
            found[f"{name} w4 trained"] = psnr_db(reference, int4_images(trained, batches, inputs, folder), SPAN)
    return found


def main() -> None:
    logging.disable(logging.WARNING)
    _, original = subject()
    inputs = shared_inputs(original, 256)
    rows: list[dict[str, Any]] = []
    with ConsoleProgress() as progress:
        for seed in SEEDS:
            rows.append({"seed": seed} | one_seed(seed, original, inputs, progress))
    columns = [key for key in rows[0] if key != "seed"]
    lines = [[str(row["seed"]), *(f"{row[key]:.3f}" for key in columns)] for row in rows]
    aims: dict[str, bool] = {}
    for row in rows:
        lost, left = row["float"] - row["int8 calibrated"], row["float"] - row["int8 trained"]
        aims[
            f"seed {row['seed']}: int8 loses {lost:.3f} dB, and {left:.3f} once trained (aim: half of it, none where "
            "nothing is lost)"
        ] = left <= (1 - HALF) * max(0.0, lost)
    for name in ("pruned", "unpruned"):
        aims |= {
            f"seed {row['seed']}, {name}: {row[f'{name} w4 trained']:.1f} dB with weights of 4 bits (aim: "
            f"{USABLE_DB:g})": row[f"{name} w4 trained"] >= USABLE_DB
            for row in rows
        }
    publish(
        "qat",
        "fashion-dcgan, PSNR in dB: pruned 8x and int8 against the unpruned float network; w4 against its own float "
        "network",
        ["seed", *columns],
        lines,
        {"rows": rows, "steps": {str(k): v for k, v in STEPS.items()}},
        aims,
    )


if __name__ == "__main__":
    main()
