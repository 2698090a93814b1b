"""Exact rewrites over every family of generators, float32: what each tool makes of the network as it comes, and of
ours.

Peers in the same interleaved run: litert-torch, ONNX Runtime, OpenVINO and torch.compile on the original. EdgeGAN's
figure on a backend is the fastest of its forms there, the one composed layer by layer among them, as ``edgegan
compress`` would choose. ``most`` is what litert-torch's conversion would gain if its upsampling layers, measured alone,
took no time at all. ``python -m benchmarks.rewrites [FAMILY ...]`` renews those families, or all.

Aims: everything converts to LiteRT; at least 5 times faster than litert-torch's plain conversion on transposed
convolutions and 1.5 on nearest upsampling, never slower; on ONNX Runtime and OpenVINO never slower than unrewritten;
the work of the phase form within its bounds; a CycleGAN of 12 M parameters at 256x256 rewritten and checked within 10
s.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.common import (
    THREADS,
    Contender,
    litert_contender,
    measure,
    onnxruntime_contender,
    openvino_contender,
    publish,
    renewed,
    torch_compile_contender,
)
from benchmarks.families import FAMILIES
from edgegan.bench.partitions import partitions
from edgegan.compress.autotune import autotune, forms_graph
from edgegan.core.errors import TargetError, first_line
from edgegan.core.sampling import sample_inputs
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.core.stage import stopwatch
from edgegan.export.litert import export_litert
from edgegan.export.onnx import export_onnx
from edgegan.graph import cost
from edgegan.graph.capture import capture
from edgegan.graph.check import Reference
from edgegan.graph.editing import is_call
from edgegan.graph.graph import Graph
from edgegan.graph.operators import TRANSPOSED, UPSAMPLES
from edgegan.graph.passes import FORMULATIONS
from edgegan.graph.rewrite import rewrite
from edgegan.graph.sites import sites
from edgegan.models import cyclegan

NOISE = 0.95
"""Two runs of one file on a shared machine differ by this much."""
F32 = {"INFERENCE_PRECISION_HINT": "f32"}


def family_row(name: str, folder: Path) -> dict[str, Any]:
    """One family: every tool and every form, in turns."""
    module, spec = FAMILIES[name].build("full")
    graph = capture(module, spec)
    inputs = sample_inputs(spec.inputs, 2, 42)
    reference = Reference(graph)
    forms = {form: rewrite(graph, form, reference).value for form in FORMULATIONS if form != "native-nhwc"}
    contenders, row = (
        [],
        {"family": name, "kind": kind(graph), "macs": cost.macs(graph), "macs_phase": cost.macs(forms["phase"])},
    )
    try:
        plain = export_litert(graph.module, graph.example_inputs(), folder / "plain.tflite")
        contenders.append(litert_contender("litert-torch", plain, inputs))
        row |= {"litert_torch": partitions(plain).note}
    except TargetError as exc:
        row |= {"litert_torch": first_line(exc)}
    for form in [f for f in forms if f.endswith("-nhwc")]:
        path = export_litert(forms[form].module, graph.example_inputs(), folder / f"{form}.tflite")
        contenders.append(litert_contender(f"litert {form}", path, inputs))
        row |= {f"partitions {form}": partitions(path).note}
    for form, rewritten in {"original": graph, **{f: g for f, g in forms.items() if not f.endswith("-nhwc")}}.items():
        path = export_onnx(rewritten, folder / f"{form}.onnx")
        contenders += [
            onnxruntime_contender(f"onnxruntime {form}", path, inputs),
            openvino_contender(f"openvino {form}", str(path), inputs, F32),
        ]
    upsampling: dict[str, float] = {}
    for backend in ("litert", "onnxruntime", "openvino"):
        choice = autotune(forms["native"], backend, "fp32", THREADS, folder / "autotune")
        row[f"forms {backend}"] = choice.forms()
        if backend == "litert" and not _upsamples_elsewhere(forms["native"]):
            upsampling = {node: ms["native"] for node, ms in choice.milliseconds.items() if ms["native"] is not None}
        if choice.milliseconds:
            contenders.append(
                _composed(forms_graph(forms["native"], choice, backend, reference).value, backend, folder, inputs)
            )
    contenders.append(torch_compile_contender("torch.compile", module, inputs))
    figures = measure(contenders, graph.run(inputs), seconds=1.6, span=spec.output_range)
    return row | {
        "latency_ms": {f["name"]: f["latency_ms"]["p50"] for f in figures},
        "psnr_db": {f["name"]: f["psnr_db"] for f in figures},
        "upsampling_ms": upsampling,
    }


def _composed(graph: Graph, backend: str, folder: Path, inputs: dict[str, np.ndarray]) -> Contender:
    name = f"{backend} auto"
    if backend == "litert":
        return litert_contender(
            name, export_litert(graph.module, graph.example_inputs(), folder / "auto.tflite"), inputs
        )
    path = export_onnx(graph, folder / f"auto-{backend}.onnx")
    return (
        onnxruntime_contender(name, path, inputs)
        if backend == "onnxruntime"
        else openvino_contender(name, str(path), inputs, F32)
    )


def _upsamples_elsewhere(native: Graph) -> bool:
    """Whether there are transposed convolutions that have no choice of forms, those of a single pixel."""
    return sum(is_call(n, *TRANSPOSED) for n in native.module.graph.nodes) > sum(
        site.transposed for site in sites(native)
    )


def most(row: dict[str, Any]) -> float | None:
    """How many times faster litert-torch's conversion would be without its upsampling layers; None where it does not
    convert, or not all of them were measured alone."""
    plain, without = row["latency_ms"].get("litert-torch"), row.get("upsampling_ms")
    return None if plain is None or not without else plain / max(plain - sum(without.values()), 1e-3 * plain)


def kind(graph: Graph) -> str:
    """What the family upsamples with."""
    nodes = graph.module.graph.nodes
    if any(is_call(n, *TRANSPOSED) for n in nodes):
        return "transposed"
    return "nearest" if any(is_call(n, *UPSAMPLES) for n in nodes) else "other"


def best(row: dict[str, Any], backend: str) -> tuple[str, float]:
    """EdgeGAN's fastest form on a backend."""
    found = {
        name.partition(" ")[2]: ms
        for name, ms in row["latency_ms"].items()
        if name.startswith(f"{backend} ") and not name.endswith("original")
    }
    form = min(found, key=found.__getitem__)
    return form, found[form]


def gain(row: dict[str, Any], backend: str) -> float | None:
    """How many times faster than the tool on the original; None where that does not convert."""
    peer = row["latency_ms"].get("litert-torch" if backend == "litert" else f"{backend} original")
    return peer / best(row, backend)[1] if peer else None


def work() -> dict[str, float]:
    """Multiply-accumulates at 32x32 -> 64x64, 64 channels: phase form over transposed convolution, nearest + 3x3 over
    phase form."""
    spec = GeneratorSpec(inputs=(TensorSpec(name="x", kind="latent", shape=(64, 32, 32)),))
    transposed = capture(nn.ConvTranspose2d(64, 64, 4, 2, 1), spec)
    nearest = capture(nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(64, 64, 3, 1, 1)), spec)
    return {
        "phase_over_transposed": cost.macs(rewrite(transposed, "phase").value) / cost.macs(transposed),
        "nearest_over_phase": cost.macs(nearest) / cost.macs(rewrite(nearest, "phase").value),
    }


def rewriting_seconds() -> dict[str, float]:
    """Seconds of every formulation of a CycleGAN of 11.4 M parameters at 256x256, checks included."""
    torch.manual_seed(0)
    graph = capture(
        cyclegan.Generator().eval(),
        GeneratorSpec(inputs=(TensorSpec(name="x", kind="image", shape=(3, 256, 256), range=(-1.0, 1.0)),)),
    )
    found = {}
    with stopwatch() as seconds:
        reference = Reference(graph)
        for form in FORMULATIONS:
            found[form] = rewrite(graph, form, reference).seconds
        found["all"] = seconds()
    return found


def verdicts(rows: list[dict[str, Any]], macs: dict[str, float], seconds: dict[str, float]) -> dict[str, bool]:
    aims: dict[str, bool] = {f"all {len(rows)} families convert to LiteRT": all(best(row, "litert") for row in rows)}
    for row in rows:
        found = gain(row, "litert")
        least = {"transposed": 5.0, "nearest": 1.5, "other": NOISE}[row["kind"]]
        if found is None:
            aims[f"{row['family']}: litert-torch cannot convert it, EdgeGAN does"] = True
        else:
            aims[f"{row['family']}: {found:.2f} times as fast as litert-torch (aim: {least})"] = found >= least
        for backend in ("onnxruntime", "openvino"):
            ratio = gain(row, backend)
            assert ratio is not None
            aims[f"{row['family']}: {ratio:.2f} times as fast as {backend} unrewritten (aim: {NOISE})"] = ratio >= NOISE
    aims[
        f"phase form: {macs['phase_over_transposed']:.3f} of the transposed convolution's multiply-accumulates (aim: "
        "1.1)"
    ] = macs["phase_over_transposed"] <= 1.1
    aims[f"phase form: {macs['nearest_over_phase']:.3f} times fewer than nearest + 3x3 (aim: 2.1)"] = (
        macs["nearest_over_phase"] >= 2.1
    )
    aims[f"all forms of a CycleGAN at 256x256 in {seconds['all']:.1f} s (aim: 10)"] = seconds["all"] < 10
    return aims


def report(rows: list[dict[str, Any]], macs: dict[str, float], seconds: dict[str, float]) -> None:
    lines = []
    for row in rows:
        cells = [
            row["family"],
            f"{row['macs'] / 1e6:.0f}",
            f"{row['macs_phase'] / 1e6:.0f}",
            f"{row['latency_ms']['torch.compile']:.2f}",
        ]
        for backend, peer in (
            ("litert", "litert-torch"),
            ("onnxruntime", "onnxruntime original"),
            ("openvino", "openvino original"),
        ):
            before, (form, after), ratio = row["latency_ms"].get(peer), best(row, backend), gain(row, backend)
            cells.append(
                f"{f'{before:.2f}' if before else 'fails'} -> {after:.2f} ({f'{ratio:.1f}x ' if ratio else ''}{form})"
            )
        bound = most(row)
        lines.append([*cells, f"{bound:.1f}x" if bound else "-"])
    columns = [
        "family",
        "MACs M",
        "phase",
        "torch.compile ms",
        "LiteRT ms",
        "ONNX Runtime ms",
        "OpenVINO ms",
        "most on LiteRT",
    ]
    publish(
        "rewrites",
        "float32, batch 1, 2 threads: the tool on the original -> on EdgeGAN's best form",
        columns,
        lines,
        {"rows": rows, "macs": macs, "rewriting_seconds": seconds},
        verdicts(rows, macs, seconds),
    )


def main() -> None:
    logging.disable(logging.WARNING)
    macs, seconds = work(), rewriting_seconds()
    for name in sys.argv[1:] or FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            row = family_row(name, Path(folder))
        torch.compiler.reset()
        report(renewed("rewrites", row, list(FAMILIES)), macs, seconds)


if __name__ == "__main__":
    main()
