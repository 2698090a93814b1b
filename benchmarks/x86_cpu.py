"""fashion-dcgan, unpruned, on x86-cpu: the chosen candidate against what users of the three runtimes would do by hand.

Peers: ONNX Runtime float32, ONNX Runtime quantize_static (QDQ, per channel, as documented), OpenVINO + NNCF int8, all
in one interleaved run, all held to the same PSNR. Aim: at least as fast as the best of those that hold it.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from benchmarks.common import measure, onnxruntime_contender, openvino_contender, ours, publish, shared_inputs, subject
from benchmarks.peers import nncf_int8, quantize_static
from edgegan.compress import compress
from edgegan.export.onnx import export_onnx

GATE_DB = 30.0
CALIBRATION = 128


def main() -> None:
    logging.disable(logging.WARNING)
    _, graph = subject()
    inputs, calibration = shared_inputs(graph), [{"z": z[None]} for z in shared_inputs(graph, CALIBRATION, 7)["z"]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain = export_onnx(graph, folder / "plain.onnx")
        report = compress("fashion-dcgan", "x86-cpu", out=folder / "out", threads=2, min_psnr=GATE_DB, fd_samples=0)
        mine_name = f"EdgeGAN: {report.result['name']}"
        contenders = [
            onnxruntime_contender("ONNX Runtime float32", plain, inputs),
            onnxruntime_contender(
                "ONNX Runtime quantize_static", quantize_static(plain, folder / "static.onnx", calibration), inputs
            ),
            openvino_contender("OpenVINO + NNCF int8", nncf_int8(plain, calibration), inputs),
            ours(mine_name, folder / "out" / report.result["artifact"], inputs),
        ]
        rows = measure(contenders, graph.run(inputs))
    mine = rows[-1]
    holding = [r for r in rows[:-1] if r["psnr_db"] >= GATE_DB]
    best = min(holding, key=lambda r: r["latency_ms"]["p50"])
    ratio = best["latency_ms"]["p50"] / mine["latency_ms"]["p50"]
    lines = [
        [
            r["name"],
            f"{r['latency_ms']['p50']:.4f}",
            f"{r['psnr_db']:.1f}",
            "holds" if r["psnr_db"] >= GATE_DB else "fails",
        ]
        for r in rows
    ]
    aims = {
        f"{ratio:.2f} times as fast as the best peer that holds {GATE_DB:g} dB, {best['name']} (aim: 1)": ratio >= 1
        and mine["psnr_db"] >= GATE_DB
    }
    publish(
        "x86_cpu",
        "fashion-dcgan on x86-cpu, batch 1, 2 threads",
        ["tool", "p50 ms", "PSNR dB", f"gate {GATE_DB:g} dB"],
        lines,
        {"rows": rows, "ratio": ratio, "gate_db": GATE_DB},
        aims,
    )


if __name__ == "__main__":
    main()
