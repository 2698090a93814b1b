"""Every family at one PSNR gate on every CPU backend: EdgeGAN's choice against what the backend's own tools make of the
network.

Peers, each as its documentation says: ONNX Runtime float32 and quantize_static (QDQ, per channel); OpenVINO as it comes
and told to compute in float32, NNCF post-training int8, NNCF with accuracy control where that misses the gate;
litert-torch float32 and ai-edge-quantizer's static int8. For CycleGAN also NNCF with the norm arithmetic left out by
hand. Trained weights where the zoo has them, else seeded ones. Latency of all tools of a family in turns, in one
process; PSNR against the float network on the same inputs.

``python -m benchmarks.quantize [FAMILY ...]`` renews those families, or all. Aims: each family's gate held by EdgeGAN
on every backend, and no peer that holds it faster (within the noise of two runs of one file).
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

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
    publish,
    renewed,
    vendor_contender,
)
from benchmarks.families import FAMILIES
from benchmarks.peers import litert_static, nncf_accuracy_control, nncf_int8, quantize_static
from edgegan.compress import compress
from edgegan.core.errors import GeneratorError, first_line
from edgegan.core.images import read_images
from edgegan.core.sampling import sample_inputs
from edgegan.core.spec import GeneratorSpec
from edgegan.export.litert import export_litert
from edgegan.export.onnx import export_onnx
from edgegan.graph.capture import capture
from edgegan.graph.graph import Graph, save
from edgegan.models.loading import load_model
from edgegan.models.zoo import images_path

TRAINED = {
    "dcgan": "fashion-dcgan",
    "cgan": "fashion-cgan",
    "infogan": "fashion-infogan",
    "upconv": "fashion-upconv",
    "biggan": "fashion-biggan",
    "cyclegan": "fashion-cyclegan",
    "pix2pix": "fashion-pix2pix",
    "sr-compact": "sr-compact",
}
UNTRAINED = {"cyclegan-128": "cyclegan"}
"""Families that stand a second time, with seeded weights at full size: what the zoo's own of that kind is too small to
show."""
CASES = (*FAMILIES, *UNTRAINED)
GATES = (
    dict.fromkeys(CASES, 35.0)
    | dict.fromkeys(("dcgan", "cgan", "cgan-onehot", "infogan"), 42.0)
    | dict.fromkeys(("sr-compact", "esrgan"), 40.0)
)
CALIBRATION, THREADS, NOISE = 128, 2, 0.95
MARGIN = 1.0
"""Decibels above the gate that tools which take a gate are asked for: they judge by other inputs than the ones here."""
CYCLEGAN_GAIN = 1.5
"""How much faster than the fastest peer that holds the gate as it comes a CycleGAN is to be."""


@dataclass(frozen=True)
class Case:
    """One family as a user would bring it: ``model`` and ``arguments`` for ``compress``; ``images`` that image inputs
    are drawn from."""

    family: str
    model: str
    arguments: dict[str, Any]
    graph: Graph
    images: np.ndarray | None

    def inputs(self, count: int, seed: int) -> dict[str, np.ndarray]:
        return sample_inputs(self.graph.spec.inputs, count, seed, self.images)

    @property
    def check(self) -> dict[str, np.ndarray]:
        elements = int(np.prod(self.graph.output_shape[1:]))
        return self.inputs(max(4, min(256, 1_500_000 // elements)), 42)

    def rows(self, seed: int = 7) -> list[dict[str, np.ndarray]]:
        """Calibration inputs, one at a time."""
        values = self.inputs(CALIBRATION, seed)
        return [{k: np.ascontiguousarray(v[i : i + 1]) for k, v in values.items()} for i in range(CALIBRATION)]


def case_of(family: str, folder: Path) -> Case:
    name = TRAINED.get(family)
    if name is not None:
        loaded = load_model(name, [], None, None, None, 1)
        graph = capture(loaded.module, loaded.spec)
        images = (
            _read(images_path(loaded.images), graph.spec) if graph.spec.is_image_to_image and loaded.images else None
        )
        return Case(family, name, {}, graph, images)
    kind = FAMILIES[UNTRAINED.get(family, family)]
    module, spec = kind.build("full")
    graph, path = capture(module, spec), folder / f"{family}.pt2"
    save(graph, path)
    arguments: dict[str, Any] = {"inputs": kind.full[1], "output_range": spec.output_range}
    images = None
    if spec.is_image_to_image:
        height, width = spec.inputs[0].shape[1:]
        images = read_images(images_path("photographs_128.npz"), size=(128, 128), channels=3)[:, :height, :width]
        arguments["data"] = folder / "photographs.npy"
        np.save(arguments["data"], images)
    return Case(family, str(path), arguments, graph, images)


def _read(path: Path, spec: GeneratorSpec) -> np.ndarray:
    channels, height, width = spec.inputs[0].shape
    return read_images(path, size=(height, width), channels=channels)


def family_row(family: str, folder: Path) -> dict[str, Any]:
    case, gate = case_of(family, folder), GATES[family]
    peers, failures = _made(peer_contenders(case, gate, folder))
    mine, refused = _made(own_contenders(case, gate, folder))
    figures = measure([*peers, *mine], case.graph.run(case.check), seconds=2.0, span=case.graph.spec.output_range)
    found = {f["name"]: {"p50_ms": f["latency_ms"]["p50"], "psnr_db": f["psnr_db"]} for f in figures}
    return {
        "family": family,
        "model": TRAINED.get(family, "seeded weights"),
        "gate_db": gate,
        "tools": found,
        "failed": failures | refused,
    }


def _made(pairs: Iterator[tuple[str, Contender | str]]) -> tuple[list[Contender], dict[str, str]]:
    """Those that stand, and why the others do not."""
    contenders, failures = [], {}
    for name, made in pairs:
        if isinstance(made, Contender):
            contenders.append(made)
        else:
            failures[name] = made
            print(f"  {name}: {made}", file=sys.stderr, flush=True)
    return contenders, failures


def peer_contenders(case: Case, gate: float, folder: Path) -> Iterator[tuple[str, Contender | str]]:
    inputs, rows, reference, span = case.check, case.rows(), case.graph.run(case.check), case.graph.spec.output_range
    plain = export_onnx(case.graph, folder / "plain.onnx")
    yield "onnxruntime float32", onnxruntime_contender("onnxruntime float32", plain, inputs)
    yield attempt(
        "onnxruntime quantize_static",
        lambda name: onnxruntime_contender(name, quantize_static(plain, folder / "static.onnx", rows), inputs),
    )
    yield "openvino default", openvino_contender("openvino default", str(plain), inputs)
    yield "openvino float32", openvino_contender("openvino float32", str(plain), inputs, F32)
    yield attempt("openvino nncf", lambda name: openvino_contender(name, nncf_int8(plain, rows), inputs))
    yield attempt(
        "openvino nncf accuracy-aware",
        lambda name: openvino_contender(
            name, nncf_accuracy_control(plain, rows, inputs, reference, span, gate + MARGIN), inputs
        ),
    )
    if case.family.startswith("cyclegan"):
        yield attempt(
            "openvino nncf, norms left out by hand",
            lambda name: openvino_contender(name, nncf_int8(plain, rows, norms=False), inputs),
        )
    try:
        converted = export_litert(case.graph.module, case.graph.example_inputs(), folder / "plain.tflite")
    except GeneratorError as exc:
        yield "litert litert-torch float32", first_line(exc)
        return
    yield "litert litert-torch float32", litert_contender("litert litert-torch float32", converted, inputs)
    yield attempt(
        "litert ai-edge-quantizer static",
        lambda name: litert_contender(name, litert_static(converted, folder / "static.tflite", rows), inputs),
    )


def own_contenders(case: Case, gate: float, folder: Path) -> Iterator[tuple[str, Contender | str]]:
    for backend in BACKENDS:
        target = folder / f"{backend}.toml"
        target.write_text(
            f'description = "{backend} alone"\nruntimes = ["{backend}"]\nprecisions = ["int8", "bf16", '
            '"fp32"]\nruns_here = true\n'
        )
        name = f"{backend} EdgeGAN"
        try:
            report = compress(
                case.model,
                str(target),
                out=folder / backend,
                threads=THREADS,
                min_psnr=gate + MARGIN,
                fd_samples=0,
                calibration_samples=CALIBRATION,
                **case.arguments,
            )
        except GeneratorError as exc:
            yield name, first_line(exc)
            continue
        assert report.result is not None
        artifact = folder / backend / report.result["artifact"]
        yield name, vendor_contender(f"{name}: {report.result['name']}", backend, artifact, case.check)


def mine(row: dict[str, Any], backend: str) -> tuple[str, dict[str, float]] | None:
    return next(
        (
            (name.partition(": ")[2], figures)
            for name, figures in row["tools"].items()
            if name.startswith(f"{backend} EdgeGAN")
        ),
        None,
    )


def fastest_peer(row: dict[str, Any], backend: str, besides: str = "by hand") -> tuple[str, dict[str, float]] | None:
    """Of the backend's tools that hold the gate as they come."""
    holding = {
        n: f
        for n, f in row["tools"].items()
        if n.startswith(f"{backend} ") and "EdgeGAN" not in n and besides not in n and f["psnr_db"] >= row["gate_db"]
    }
    return min(holding.items(), key=lambda pair: pair[1]["p50_ms"], default=None)


def verdicts(rows: list[dict[str, Any]]) -> dict[str, bool]:
    aims = missing(rows, CASES)
    for row in rows:
        if "openvino float32" not in row["tools"]:
            aims[f"{row['family']}: measured before OpenVINO in float32 was a peer; to be measured again"] = False
        for backend in BACKENDS:
            place, own, peer = f"{row['family']} on {backend}", mine(row, backend), fastest_peer(row, backend)
            if own is None:
                aims[f"{place}: {row['failed'][f'{backend} EdgeGAN']}"] = False
                continue
            aims[f"{place}: {own[1]['psnr_db']:.1f} dB (aim: {row['gate_db']:g})"] = own[1]["psnr_db"] >= row["gate_db"]
            if peer is not None:
                ratio = peer[1]["p50_ms"] / own[1]["p50_ms"]
                aims[f"{place}: {ratio:.2f} times as fast as {peer[0]} (aim: {NOISE})"] = ratio >= NOISE
        if row["family"].startswith("cyclegan"):
            aims |= _cyclegan(row)
    return aims


def _cyclegan(row: dict[str, Any]) -> dict[str, bool]:
    own = [
        found[1]["p50_ms"]
        for backend in BACKENDS
        if (found := mine(row, backend)) and found[1]["psnr_db"] >= row["gate_db"]
    ]
    peers = [found[1]["p50_ms"] for backend in BACKENDS if (found := fastest_peer(row, backend))]
    by_hand = next(
        (f["p50_ms"] for n, f in row["tools"].items() if "by hand" in n and f["psnr_db"] >= row["gate_db"]), None
    )
    aims = {}
    if own and peers:
        aims[
            f"{row['family']}: {min(peers) / min(own):.2f} times as fast as the fastest peer that holds "
            f"{row['gate_db']:g} dB as it comes (aim: {CYCLEGAN_GAIN})"
        ] = min(peers) / min(own) >= CYCLEGAN_GAIN
    if own and by_hand:
        aims[
            f"{row['family']}: {by_hand / min(own):.2f} times as fast as NNCF with the norms left out by hand (aim: "
            f"{NOISE})"
        ] = by_hand / min(own) >= NOISE
    return aims


def main() -> None:
    logging.disable(logging.WARNING)
    if sys.argv[1:] == [JUDGE]:
        report(renewed("quantize", None, CASES))
        return
    for family in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            row = family_row(family, Path(folder))
        print(json.dumps(row), file=sys.stderr, flush=True)
        report(renewed("quantize", row, CASES))


def report(rows: list[dict[str, Any]]) -> None:
    lines = []
    for row in rows:
        for backend in BACKENDS:
            own, peer = mine(row, backend), fastest_peer(row, backend)
            told = [
                f"{pair[1]['p50_ms']:.3f} ms, {pair[1]['psnr_db']:.1f} dB, {pair[0]}" if pair else "none"
                for pair in (peer, own)
            ]
            lines.append(
                [
                    row["family"],
                    backend,
                    f"{row['gate_db']:g}",
                    *told,
                    f"{peer[1]['p50_ms'] / own[1]['p50_ms']:.2f}" if own and peer else "-",
                ]
            )
    publish(
        "quantize",
        f"batch 1, {THREADS} threads: fastest peer that holds the gate, EdgeGAN",
        ["family", "backend", "gate dB", "peer", "EdgeGAN", "ratio"],
        lines,
        {"rows": rows},
        verdicts(rows),
    )


if __name__ == "__main__":
    main()
