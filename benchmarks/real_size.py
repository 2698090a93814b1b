"""Generators of the size that people deploy, built as their public code builds them, against the peers' tools on every
CPU backend, with what compressing cost.

For each: ``edgegan compress`` from a cold cache for ``x86-cpu``, ``mobile``, ``jetson-orin`` and ``rtx-40`` with no
option beside ``--input``, ``--data`` and the gate, seconds and peak memory; then, for ONNX Runtime, OpenVINO and LiteRT
each, the fastest of the peers' tools that holds the gate against EdgeGAN's, in turns in one process; and the PSNR of
the artifacts over as many pictures as the verdict rests on that neither calibration nor choosing saw.

``python -m benchmarks.real_size [GENERATOR ...]`` renews those rows, or all; with ``--compressing`` before them what
compressing for the targets costs alone, of rows that are there. Needs Debian's lomiri-wallpapers-20.04.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.common import (
    BACKENDS,
    F32,
    JUDGE,
    Contender,
    attempt,
    litert_contender,
    measure,
    missing,
    onnxruntime_contender,
    openvino_contender,
    provenance,
    publish,
    renewed,
    vendor_contender,
)
from benchmarks.generators import restoration, synthesis, translation
from benchmarks.peers import litert_static, nncf_int8, quantize_static
from benchmarks.photographs import pieces
from edgegan.compress.data import Data
from edgegan.core.errors import GeneratorError, first_line, last_line
from edgegan.core.images import resized
from edgegan.core.spec import GeneratorSpec, parse_input, parse_range
from edgegan.export.litert import export_litert
from edgegan.export.onnx import export_onnx
from edgegan.graph.capture import capture
from edgegan.graph.graph import Graph
from edgegan.metrics.pairwise import psnr_db

TARGETS = ("x86-cpu", "mobile", "jetson-orin", "rtx-40")
GATE, CALIBRATION, THREADS = 35.0, 32, 2
SECONDS, MOST_SECONDS, SMALL = 180, 360, 12_000_000
"""Aims for compressing: of a generator up to SMALL parameters, and of any."""
MEMORY_GIB, RATIO, MEAN, INT8 = 6.0, 0.98, 1.3, 2.5
PICTURES, UNSEEN = 128, 64
AGAIN = "--compressing"
LIMIT = 900
"""Seconds after which a command that has not ended is stopped."""


@dataclass(frozen=True)
class Case:
    """A generator: its factory, how a user brings it, and how many of its input's pixels a photograph's piece has."""

    make: Callable[[], nn.Module]
    input: str
    output_range: str = "-1,1"
    picture: int = 0

    @property
    def factory(self) -> str:
        return f"{self.make.__module__}:{self.make.__name__}"

    def pictures(self, count: int, seed: int) -> np.ndarray | None:
        if not self.picture:
            return None
        side = int(self.input.partition("x")[2].split("x")[0])
        cut = pieces(self.picture, count, seed)
        return cut if side == self.picture else np.stack([resized(piece, (side, side)) for piece in cut])


PHOTO, SMALL_PHOTO = "image:3x256x256", "image:3x64x64@0,1"
CASES = {
    "cyclegan-256": Case(translation.cyclegan_256, PHOTO, picture=256),
    "cyclegan-mobile-256": Case(translation.cyclegan_mobile_256, PHOTO, picture=256),
    "ugatit-256": Case(translation.ugatit_256, PHOTO, picture=256),
    "pix2pix-256": Case(translation.pix2pix_256, PHOTO, picture=256),
    "pix2pixhd-256": Case(translation.pix2pixhd_256, PHOTO, picture=256),
    "spade-256": Case(translation.spade_256, PHOTO, picture=256),
    "rrdb-6": Case(restoration.rrdb_6, SMALL_PHOTO, "0,1", 256),
    "rrdb-23": Case(restoration.rrdb_23, SMALL_PHOTO, "0,1", 256),
    "srvgg-16": Case(restoration.srvgg_16, SMALL_PHOTO, "0,1", 256),
    "srvgg-32": Case(restoration.srvgg_32, SMALL_PHOTO, "0,1", 256),
    "fastgan-256": Case(synthesis.fastgan_256, "latent:256"),
    "stylegan2-256": Case(synthesis.stylegan2_256, "latent:512", "-6,6"),
    "hifigan-v1": Case(synthesis.hifigan_v1, "latent:80x32"),
}


def compressed(case: Case, target: str, folder: Path, cache: Path) -> dict[str, Any]:
    """One run of the command as a user types it; seconds, peak memory of the process and its children, the result."""
    out = folder / f"out-{Path(target).stem}"
    command = [
        str(Path(sys.executable).parent / "edgegan"), "compress", case.factory, "--target", target,
        "--input", case.input, f"--output-range={case.output_range}", "--min-psnr", f"{GATE:g}",
        "--threads", str(THREADS), "--out", str(out),
    ]  # fmt: skip
    if (folder / "photographs.npz").exists():
        command += ["--data", str(folder / "photographs.npz")]
    timed = ["/usr/bin/env", "python3", "-c", CHILD, *command]
    environment = os.environ | {"EDGEGAN_CACHE": str(cache)}
    done = subprocess.run(timed, capture_output=True, text=True, env=environment)
    told = json.loads(done.stdout.strip().splitlines()[-1])
    row: dict[str, Any] = {"seconds": told["seconds"], "peak_gib": told["peak_gib"], "exit": told["exit"]}
    if (out / "report.json").exists():
        report = json.loads((out / "report.json").read_text())
        row["stages"] = {stage["name"]: round(stage["seconds"], 1) for stage in report["stages"]}
        if (result := report["result"]) is not None:
            quality = result["quality"]
            row |= {
                "name": result["name"],
                "artifact": str(out / result["artifact"]),
                "psnr_db": quality["psnr_db"],
                "psnr_interval_db": quality["psnr_interval_db"],
                "compared_pictures": quality["compared_pictures"],
            }
    if told["exit"]:
        row["error"] = last_line(done.stderr)[:300]
    return row


CHILD = f"""
import json, resource, subprocess, sys, time
start = time.monotonic()
try:
    done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, timeout={LIMIT}).returncode
except subprocess.TimeoutExpired:
    done = 124
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
print(json.dumps(dict(seconds=round(time.monotonic() - start, 1), peak_gib=round(peak, 2), exit=done)))
"""


def kept_photographs(case: Case, folder: Path) -> np.ndarray | None:
    """What ``--data`` is given, where pictures go in."""
    images = case.pictures(PICTURES, 1)
    if images is not None:
        np.savez(folder / "photographs.npz", images=images)
    return images


def row_of(name: str, folder: Path) -> dict[str, Any]:
    case = CASES[name]
    generator = case.make()
    graph = capture(generator, _spec(case))
    images = kept_photographs(case, folder)
    cache = folder / "cache"
    runs = {target: compressed(case, target, folder, cache) for target in TARGETS}
    unseen = Data(images=case.pictures(UNSEEN, 1_000)).inputs(graph.spec, UNSEEN, 77)
    reference, span = graph.run(unseen), graph.spec.output_range
    contenders = dict(_peers(case, graph, images, folder, unseen))
    for backend in BACKENDS:
        target = folder / f"{backend}.toml"
        target.write_text(
            f'description = "{backend} alone"\nruntimes = ["{backend}"]\nprecisions = ["int8", "bf16", "fp32"]\n'
            "runs_here = true\n"
        )
        runs[backend] = compressed(case, str(target), folder, cache)
        if "artifact" in runs[backend]:
            contenders[f"{backend} EdgeGAN"] = vendor_contender(
                f"{backend} EdgeGAN", backend, Path(runs[backend]["artifact"]), unseen
            )
    made = {name: one for name, one in contenders.items() if isinstance(one, Contender)}
    figures = measure(list(made.values()), reference, seconds=2.0, span=span)
    tools = {f["name"]: {"p50_ms": f["latency_ms"]["p50"], "psnr_db": f["psnr_db"]} for f in figures}
    for backend, run in runs.items():
        pictures = made.get(f"{backend} EdgeGAN")
        if pictures is not None and "compared_pictures" in run:
            count = min(UNSEEN, run["compared_pictures"])
            run["unseen_psnr_db"] = psnr_db(reference[:count], pictures.images[:count], span)
        run.pop("artifact", None)
    return {
        "family": name,
        "params": sum(p.numel() for p in generator.parameters()),
        "gate_db": GATE,
        "compressing": runs,
        "tools": tools,
        "failed": {name: told for name, told in contenders.items() if isinstance(told, str)},
    }


def compressed_again(name: str, folder: Path) -> dict[str, Any]:
    """The row that is there, with what compressing for the targets costs now."""
    row = next(row for row in renewed("real_size", None, list(CASES)) if row["family"] == name)
    case = CASES[name]
    case.make()
    kept_photographs(case, folder)
    for target in TARGETS:
        run = compressed(case, target, folder, folder / "cache") | {"measured": provenance()}
        run.pop("artifact", None)
        row["compressing"][target] = run
    return row


def _spec(case: Case) -> GeneratorSpec:
    name = "x" if case.picture else "z"
    return GeneratorSpec(
        inputs=(parse_input(case.input, name),), output_range=parse_range(case.output_range, "--output-range")
    )


def _peers(
    case: Case, graph: Graph, images: np.ndarray | None, folder: Path, inputs: dict[str, np.ndarray]
) -> Iterator[tuple[str, Contender | str]]:
    drawn = Data(images=images).inputs(graph.spec, CALIBRATION, 7)
    rows = [{k: np.ascontiguousarray(v[i : i + 1]) for k, v in drawn.items()} for i in range(CALIBRATION)]
    plain = export_onnx(graph, folder / "plain.onnx")
    yield attempt("onnxruntime float32", lambda n: onnxruntime_contender(n, plain, inputs))
    yield attempt(
        "onnxruntime quantize_static",
        lambda n: onnxruntime_contender(n, quantize_static(plain, folder / "static.onnx", rows), inputs),
    )
    yield attempt("openvino default", lambda n: openvino_contender(n, str(plain), inputs))
    yield attempt("openvino float32", lambda n: openvino_contender(n, str(plain), inputs, F32))
    yield attempt("openvino nncf", lambda n: openvino_contender(n, nncf_int8(plain, rows), inputs))
    converted = folder / "plain.tflite"
    try:
        export_litert(graph.module, graph.example_inputs(), converted)
    except GeneratorError as exc:
        yield "litert litert-torch float32", first_line(exc)
        return
    yield attempt("litert litert-torch float32", lambda n: litert_contender(n, converted, inputs))
    yield attempt(
        "litert ai-edge-quantizer static",
        lambda n: litert_contender(n, litert_static(converted, folder / "static.tflite", rows), inputs),
    )


def fastest_peer(row: dict[str, Any], backend: str) -> tuple[str, float] | None:
    """Of the backend's tools that hold the gate as they come."""
    holding = {
        n: f["p50_ms"]
        for n, f in row["tools"].items()
        if n.startswith(f"{backend} ") and "EdgeGAN" not in n and f["psnr_db"] >= row["gate_db"]
    }
    return min(holding.items(), key=lambda pair: pair[1], default=None)


def verdicts(rows: list[dict[str, Any]]) -> dict[str, bool]:
    aims = missing(rows, list(CASES))
    ratios: dict[str, list[float]] = {backend: [] for backend in BACKENDS}
    for row in rows:
        name, most = row["family"], SECONDS if row["params"] <= SMALL else MOST_SECONDS
        for target in TARGETS:
            run = row["compressing"][target]
            if run["exit"]:
                aims[f"{name} for {target}: exit {run['exit']} after {run['seconds']:.0f} s"] = False
                continue
            aims[f"{name} for {target}: {run['seconds']:.0f} s (aim: {most})"] = run["seconds"] <= most
            aims[f"{name} for {target}: peak {run['peak_gib']:.1f} GiB (aim: {MEMORY_GIB:g})"] = (
                run["peak_gib"] <= MEMORY_GIB
            )
        for backend in BACKENDS:
            own, peer = row["tools"].get(f"{backend} EdgeGAN"), fastest_peer(row, backend)
            if own is None:
                aims[f"{name} on {backend}: nothing was made"] = False
                continue
            aims[f"{name} on {backend}: {own['psnr_db']:.1f} dB (aim: {GATE:g})"] = own["psnr_db"] >= GATE
            if peer is not None:
                ratio = peer[1] / own["p50_ms"]
                ratios[backend].append(ratio)
                aims[f"{name} on {backend}: {ratio:.2f} times as fast as {peer[0]} (aim: {RATIO})"] = ratio >= RATIO
            run = row["compressing"][backend]
            if "unseen_psnr_db" in run and run["psnr_interval_db"]:
                low, high = run["psnr_interval_db"]
                told = f"{run['unseen_psnr_db']:.1f} dB on unseen pictures, {low:.1f} to {high:.1f} claimed"
                aims[f"{name} on {backend}: {told}"] = low <= run["unseen_psnr_db"] <= high
        if name.startswith(("rrdb", "srvgg")) and "litert EdgeGAN" in row["tools"]:
            plain = row["tools"].get("litert litert-torch float32")
            if plain:
                ratio = plain["p50_ms"] / row["tools"]["litert EdgeGAN"]["p50_ms"]
                aims[f"{name} on litert: {ratio:.2f} times as fast as float32 (aim: {INT8})"] = ratio >= INT8
    for backend, found in ratios.items():
        if found:
            mean = exp(sum(map(log, found)) / len(found))
            aims[f"{backend}: {mean:.2f} times the best peer's speed, geometric mean of {len(found)} (aim: {MEAN})"] = (
                mean >= MEAN
            )
    return aims


def main() -> None:
    logging.disable(logging.WARNING)
    torch.set_num_threads(THREADS)
    if sys.argv[1:] == [JUDGE]:
        report(renewed("real_size", None, list(CASES)))
        return
    again = sys.argv[1:2] == [AGAIN]
    for name in sys.argv[1 + again :] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            row = (compressed_again if again else row_of)(name, Path(folder))
        print(json.dumps(row), file=sys.stderr, flush=True)
        report(renewed("real_size", row, list(CASES)))


def report(rows: list[dict[str, Any]]) -> None:
    lines = []
    for row in rows:
        runs = row["compressing"]
        for backend in BACKENDS:
            own, peer = row["tools"].get(f"{backend} EdgeGAN"), fastest_peer(row, backend)
            lines.append(
                [
                    row["family"],
                    backend,
                    f"{peer[1]:.1f} ms, {peer[0]}" if peer else "none",
                    f"{own['p50_ms']:.1f} ms, {own['psnr_db']:.1f} dB, {runs[backend]['name']}" if own else "none",
                    f"{peer[1] / own['p50_ms']:.2f}" if own and peer else "-",
                    f"{runs[backend]['seconds']:.0f} s, {runs[backend]['peak_gib']:.1f} GiB",
                ]
            )
    publish(
        "real_size",
        f"batch 1, {THREADS} threads, gate {GATE:g} dB: fastest peer that holds it, EdgeGAN, compressing",
        ["generator", "backend", "peer", "EdgeGAN", "ratio", "compressing"],
        lines,
        {"rows": rows},
        verdicts(rows),
    )


if __name__ == "__main__":
    main()
