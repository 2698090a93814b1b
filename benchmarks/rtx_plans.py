"""Plans of TensorRT for RTX for every family and generation of cards: whether they build, in what time, how large.

No GPU is needed, and nothing is said of speed. Each family at full size with seeded weights: float32 and float16 of the
network as it comes, int8 in phase form with the rest in float16. Weights of another training have the same sizes.
``python -m benchmarks.rtx_plans [FAMILY ...]`` renews those families, or all. Aims: each plan of float16 and int8 built
in less than 20 seconds, int8 at most 0.35 of float32's size, every file accepted by NVIDIA's parser. Turing (rtx-20)
has no float32 matrix product in this library, so that float32 plans of it are told, not asked for.

A plan holds kernels beside weights: in int8 one of a hundred kilobytes for most layers, where those of float32 share
theirs. None of the builder's options (optimization and tiling levels, flags) makes that smaller; packed by zlib the
kernels nearly vanish, which tells what of a plan is weights.
"""

from __future__ import annotations

import sys
import tempfile
import zlib
from pathlib import Path
from time import monotonic
from typing import Any

import torch

from benchmarks.common import missing, publish, renewed
from benchmarks.families import FAMILIES
from edgegan.core.errors import TargetError, first_line
from edgegan.core.sampling import sample_inputs
from edgegan.core.target import load_target
from edgegan.export.onnx import export_onnx, halve
from edgegan.export.tensorrt.network import check_with_parser
from edgegan.export.tensorrt.rtx import build_rtx
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite
from edgegan.quantize import pt2e
from edgegan.quantize.scheme import TENSORRT

TARGETS = ("rtx-20", "rtx-30", "rtx-40", "rtx-50")
PRECISIONS = ("fp32", "fp16", "int8")
CALIBRATION, SECONDS, SHARE = 4, 20.0, 0.35
"""Samples that calibrate: what a plan holds does not depend on ranges."""


def files(family: str, folder: Path) -> dict[str, Path]:
    """The family's ONNX by precision."""
    module, spec = FAMILIES[family].build("full")
    graph = capture(module, spec)
    values = sample_inputs(spec.inputs, CALIBRATION, 0)
    batches = [tuple(torch.from_numpy(v[i : i + 1]) for v in values.values()) for i in range(CALIBRATION)]
    native = rewrite(graph, "native").value
    quantized = pt2e.quantize(rewrite(graph, "phase").value, TENSORRT, batches).value
    return {
        "fp32": export_onnx(native, folder / "fp32.onnx"),
        "fp16": export_onnx(native, folder / "fp16.onnx", half=True),
        "int8": halve(export_onnx(quantized, folder / "rest.onnx"), folder / "int8.onnx"),
    }


def family_row(family: str, folder: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"family": family, "model": "seeded weights, full size", "plans": {}, "accepted": {}}
    for precision, onnx in files(family, folder).items():
        try:
            row["accepted"][precision] = check_with_parser(onnx).layers
        except TargetError as exc:
            row["accepted"][precision] = first_line(exc)
        for target in TARGETS:
            row["plans"][f"{target} {precision}"] = _plan(onnx, str(load_target(target).compute_capability))
    return row


def _plan(onnx: Path, compute_capability: str) -> dict[str, Any]:
    start = monotonic()
    try:
        engine = build_rtx(onnx, compute_capability)
    except TargetError as exc:
        told = first_line(exc)
        return {"error": told, "seconds": None, "bytes": None, "packed": None, "int8_layers": None, "layers": None}
    return {
        "error": None,
        "seconds": round(monotonic() - start, 2),
        "bytes": len(engine.plan),
        "packed": len(zlib.compress(engine.plan, 1)),
        "int8_layers": engine.precisions["Int8"],
        "layers": engine.precisions.total(),
    }


def report(rows: list[dict[str, Any]]) -> None:
    lines, aims = [], missing(rows, tuple(FAMILIES))
    for row in rows:
        plans, name = row["plans"], row["family"]
        slowest = max((plan["seconds"] or 0.0) for plan in plans.values())
        failed = [key for key, plan in plans.items() if plan["error"]]
        wanted = [key for key in failed if not key.endswith("fp32")]
        share, packed = _most(plans, "bytes"), _most(plans, "packed")
        refused = [key for key, layers in row["accepted"].items() if not isinstance(layers, int)]
        int8 = plans["rtx-40 int8"]
        lines.append(
            [
                name,
                f"{(plans['rtx-40 fp32']['bytes'] or 0) / 2**20:.2f}",
                f"{(int8['bytes'] or 0) / 2**20:.2f}",
                f"{share:.2f}",
                f"{packed:.2f}",
                f"{slowest:.1f}",
                f"{int8['int8_layers']} of {int8['layers']}",
                ", ".join(failed) or "-",
            ]
        )
        aims[f"{name}: every plan builds, in {slowest:.1f} s (aim: {SECONDS:g})"] = not wanted and slowest < SECONDS
        aims[f"{name}: int8 {share:.2f} of float32's size (aim: {SHARE:g})"] = share <= SHARE
        aims[f"{name}: accepted by NVIDIA's parser"] = not refused
    publish(
        "rtx_plans",
        "plans of TensorRT for RTX",
        ["family", "fp32 MiB", "int8 MiB", "most int8 / fp32", "packed", "slowest s", "int8 layers", "failed"],
        lines,
        {"rows": rows},
        aims,
    )


def _most(plans: dict[str, Any], size: str) -> float:
    """The largest share of float32's size that int8 has, of the cards that take both."""
    sizes = [(plans[f"{target} int8"].get(size), plans[f"{target} fp32"].get(size)) for target in TARGETS]
    return max((small / large for small, large in sizes if small and large), default=float("nan"))


def main() -> None:
    torch.set_num_threads(2)
    rows = renewed("rtx_plans", None, tuple(FAMILIES))
    for family in sys.argv[1:] or FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            rows = renewed("rtx_plans", family_row(family, Path(folder)), tuple(FAMILIES))
        report(rows)


if __name__ == "__main__":
    main()
