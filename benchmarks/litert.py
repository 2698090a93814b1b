"""fashion-dcgan, unpruned, int8 in LiteRT, against litert-torch's plain float32 conversion of the same model.

Aims: at least 8 times faster, PSNR at least 40 dB.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.common import litert_contender, measure, ours, publish, shared_inputs, subject
from edgegan.compress import compress
from edgegan.export.litert import export_litert


def main() -> None:
    module, graph = subject()
    inputs = shared_inputs(graph)
    with tempfile.TemporaryDirectory() as folder:
        plain = export_litert(module, graph.example_inputs(), Path(folder) / "plain.tflite")
        report = compress(
            "fashion-dcgan", "mobile", out=Path(folder) / "out", precision="int8", threads=2, fd_samples=0
        )
        artifact = Path(folder) / "out" / report.result["artifact"]
        rows = measure(
            [
                litert_contender("litert-torch float32, as it comes", plain, inputs),
                ours("EdgeGAN int8", artifact, inputs),
            ],
            graph.run(inputs),
        )
    base, mine = rows
    ratio = base["latency_ms"]["p50"] / mine["latency_ms"]["p50"]
    lines = [
        [
            r["name"],
            f"{r['latency_ms']['p50']:.4f}",
            f"{base['latency_ms']['p50'] / r['latency_ms']['p50']:.1f}x",
            f"{r['psnr_db']:.1f}",
        ]
        for r in rows
    ]
    aims = {
        f"int8 is {ratio:.1f} times faster than the plain conversion (aim: 8)": ratio >= 8,
        f"PSNR {mine['psnr_db']:.1f} dB (aim: 40)": mine["psnr_db"] >= 40,
    }
    publish(
        "litert",
        "fashion-dcgan in LiteRT, batch 1, 2 threads",
        ["tool", "p50 ms", "faster", "PSNR dB"],
        lines,
        {"rows": rows, "ratio": ratio},
        aims,
    )


if __name__ == "__main__":
    main()
