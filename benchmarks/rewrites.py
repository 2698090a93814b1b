"""Exact rewrites over every family of generators, float32: what each tool makes of the network as it comes, and of
ours.

Peers in the same interleaved run: litert-torch, ONNX Runtime, OpenVINO and torch.compile on the original. EdgeGAN's
form on a backend is the fastest of its forms there, the one composed layer by layer among them, chosen in a run of its
own, as ``edgegan compress`` would, and then timed in that of the peers. ``most`` is what litert-torch's conversion
would gain if its upsampling layers, measured alone, took no time at all. ``python -m benchmarks.rewrites [FAMILY ...]``
renews those families, or all.

Aims: every family converts to LiteRT and computes the same there; at least 5 times faster than litert-torch's plain
conversion on transposed convolutions and 1.5 on nearest upsampling, never slower; on ONNX Runtime and OpenVINO never
slower than unrewritten; the work of the phase form within its bounds; a CycleGAN of 12 M parameters at 256x256
rewritten and checked within 10 s.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.common import (
    F32,
    JUDGE,
    RESULTS,
    THREADS,
    Contender,
    litert_contender,
    measure,
    missing,
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
EXACT_DB = 75.0
"""What float32 has at least where a backend computes what the network says: rounding leaves that much."""
MINE = "EdgeGAN"


def _openvino(name: str, path: Path, inputs: dict[str, np.ndarray]) -> Contender:
    return openvino_contender(name, str(path), inputs, F32)


VENDORS = {"litert": litert_contender, "onnxruntime": onnxruntime_contender, "openvino": _openvino}


def family_row(name: str, folder: Path) -> dict[str, Any]:
    """One family: EdgeGAN's form on each backend is chosen in a run of its own, then timed beside the tools."""
    module, spec = FAMILIES[name].build("full")
    graph = capture(module, spec)
    inputs = sample_inputs(spec.inputs, 2, 42)
    reference = Reference(graph)
    forms = {form: rewrite(graph, form, reference).value for form in FORMULATIONS if form != "native-nhwc"}
    row = {"family": name, "kind": kind(graph), "macs": cost.macs(graph), "macs_phase": cost.macs(forms["phase"])}
    mine, told = _own_files(forms, reference, folder)
    chosen, choosing = _choose(mine, inputs, graph, spec)
    contenders, refused = _peers(graph, folder, inputs)
    for backend, form in chosen.items():
        contenders.append(VENDORS[backend](f"{backend} {MINE}", mine[backend, form], inputs))
    contenders.append(torch_compile_contender("torch.compile", module, inputs))
    figures = measure(contenders, graph.run(inputs), seconds=2.4, span=spec.output_range)
    return row | {
        "litert_torch": refused or partitions(folder / "plain.tflite").note,
        "chosen": chosen,
        "choosing_ms": choosing,
        "latency_ms": {f["name"]: f["latency_ms"]["p50"] for f in figures},
        "psnr_db": {f["name"]: f["psnr_db"] for f in figures},
        **told,
    }


def _peers(graph: Graph, folder: Path, inputs: dict[str, np.ndarray]) -> tuple[list[Contender], str | None]:
    """The tools on the network as it comes, and why litert-torch is not among them, where it is not."""
    path, refused = export_onnx(graph, folder / "original.onnx"), None
    found = [
        onnxruntime_contender("onnxruntime original", path, inputs),
        openvino_contender("openvino original", str(path), inputs, F32),
    ]
    try:
        plain = export_litert(graph.module, graph.example_inputs(), folder / "plain.tflite")
        found.append(litert_contender("litert-torch", plain, inputs))
    except TargetError as exc:
        refused = first_line(exc)
    return found, refused


def _own_files(
    forms: dict[str, Graph], reference: Reference, folder: Path
) -> tuple[dict[tuple[str, str], Path], dict[str, Any]]:
    """A file for each backend and form that its converter takes, and what was found on the way."""
    found: dict[tuple[str, str], Path] = {}
    failed: dict[str, str] = {}
    told: dict[str, Any] = {"failed": failed, "upsampling_ms": {}}
    for backend in VENDORS:
        choice = autotune(forms["native"], backend, "fp32", THREADS, folder / "autotune")
        told[f"forms {backend}"] = choice.forms()
        if backend == "litert" and not _upsamples_elsewhere(forms["native"]):
            alone = {node: ms["native"] for node, ms in choice.milliseconds.items()}
            told["upsampling_ms"] = {node: ms for node, ms in alone.items() if ms is not None}
        wanted = {form: g for form, g in forms.items() if form.endswith("-nhwc") is (backend == "litert")}
        if choice.milliseconds:
            wanted["auto"] = forms_graph(forms["native"], choice, backend, reference).value
        for form, graph in wanted.items():
            try:
                found[backend, form] = _export(graph, backend, folder / f"{backend}-{form}")
            except TargetError as exc:
                failed[f"{backend} {form}"] = first_line(exc)
    return found, told


def _export(graph: Graph, backend: str, stem: Path) -> Path:
    if backend == "litert":
        return export_litert(graph.module, graph.example_inputs(), stem.with_suffix(".tflite"))
    return export_onnx(graph, stem.with_suffix(".onnx"))


def _choose(
    files: dict[tuple[str, str], Path], inputs: dict[str, np.ndarray], graph: Graph, spec: GeneratorSpec
) -> tuple[dict[str, str], dict[str, float]]:
    """The fastest form on each backend, and what all took in the run that chose."""
    contenders = [VENDORS[backend](f"{backend} {form}", path, inputs) for (backend, form), path in files.items()]
    figures = measure(contenders, graph.run(inputs), seconds=1.0, span=spec.output_range)
    taken = {f["name"]: f["latency_ms"]["p50"] for f in figures}
    chosen = {}
    for backend in VENDORS:
        own = {form: taken[f"{backend} {form}"] for other, form in files if other == backend}
        if own:
            chosen[backend] = min(own, key=own.__getitem__)
    return chosen, taken


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


def best(row: dict[str, Any], backend: str) -> tuple[str, float] | None:
    """EdgeGAN's form on a backend and its milliseconds; None where no form converted."""
    form = row["chosen"].get(backend)
    return None if form is None else (form, row["latency_ms"][f"{backend} {MINE}"])


def converts(row: dict[str, Any]) -> bool:
    """Whether EdgeGAN's form converted to LiteRT and computes the network."""
    return "litert" in row["chosen"] and row["psnr_db"][f"litert {MINE}"] >= EXACT_DB


def gain(row: dict[str, Any], backend: str) -> float | None:
    """How many times faster than the tool on the original; None where that, or EdgeGAN, does not convert."""
    peer, own = (
        row["latency_ms"].get("litert-torch" if backend == "litert" else f"{backend} original"),
        best(row, backend),
    )
    return peer / own[1] if peer and own else None


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
    aims = missing(rows, list(FAMILIES))
    for row in rows:
        aims[f"{row['family']}: converts to LiteRT and computes the same"] = converts(row)
        found = gain(row, "litert")
        least = {"transposed": 5.0, "nearest": 1.5, "other": NOISE}[row["kind"]]
        if found is not None:
            aims[f"{row['family']}: {found:.2f} times as fast as litert-torch (aim: {least})"] = found >= least
        for backend in ("onnxruntime", "openvino"):
            ratio = gain(row, backend)
            told = "no form converts" if ratio is None else f"{ratio:.2f} times as fast as {backend} unrewritten"
            aims[f"{row['family']}: {told} (aim: {NOISE})"] = ratio is not None and ratio >= NOISE
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
            before, own, ratio = row["latency_ms"].get(peer), best(row, backend), gain(row, backend)
            after = "fails" if own is None else f"{own[1]:.2f} ({f'{ratio:.2f}x ' if ratio else ''}{own[0]})"
            cells.append(f"{f'{before:.2f}' if before else 'fails'} -> {after}")
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
    if sys.argv[1:] == [JUDGE]:
        known = json.loads((RESULTS / "rewrites.json").read_text())
        report(renewed("rewrites", None, list(FAMILIES)), known["macs"], known["rewriting_seconds"])
        return
    macs, seconds = work(), rewriting_seconds()
    for name in sys.argv[1:] or FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            row = family_row(name, Path(folder))
        torch.compiler.reset()
        report(renewed("rewrites", row, list(FAMILIES)), macs, seconds)


if __name__ == "__main__":
    main()
