"""fd_lite0, precision and recall beside PSNR for the zoo's latent generators, as bits are taken away.

Each in float, with weights and activations of 8 bits, and with weights of 4, as LiteRT files from ``edgegan compress``,
against the shipped real test images. No aim: it shows what PSNR does not, that low bits lose recall first.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import publish
from edgegan.bench.drawing import open_drawer
from edgegan.bench.evaluate import evaluate
from edgegan.bench.real_pictures import of_array
from edgegan.cli.console import ConsoleProgress
from edgegan.compress import compress
from edgegan.metrics.features import Lite0Features

MODELS = ("fashion-dcgan", "fashion-infogan", "fashion-cgan", "fashion-biggan", "fashion-upconv")
SAMPLES, SEEDS = 500, [0]
FIGURES = ("fd_lite0", "precision_lite0", "recall_lite0")


def figures(artifact: Path, real: Any, network: Lite0Features, progress: ConsoleProgress) -> dict[str, float]:
    with open_drawer(str(artifact)) as drawer:
        found = evaluate(drawer, of_array(real), SAMPLES, SEEDS, network, "lite0", progress)["figures"]
    return {name: found[name]["mean"] for name in FIGURES}


def rows_of(name: str, network: Lite0Features, progress: ConsoleProgress) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder, open_drawer(name) as original:
        out = Path(folder) / "out"
        report = compress(
            name, "mobile", out=out, weight_bits=4, min_psnr=0.0, fd_samples=0, keep_candidates=True
        ).content
        found = []
        for bits, precision, ending in (("float32", "fp32", ""), ("int8", "int8", ""), ("int4 weights", "int8", "-w4")):
            made = [
                c
                for c in report["candidates"]
                if c["precision"] == precision
                and c["name"].endswith("-w4") == bool(ending)
                and c["quality"]["psnr_db"] is not None
            ]
            best = max(made, key=lambda c: c["quality"]["psnr_db"])
            found.append(
                {
                    "model": name,
                    "bits": bits,
                    "candidate": best["name"],
                    "psnr_db": best["quality"]["psnr_db"],
                    "bytes": best["bytes"],
                }
                | figures(out / best["artifact"], original.real, network, progress)
            )
        return found


def main() -> None:
    network, rows = Lite0Features(), []
    with ConsoleProgress() as progress:
        for name in sys.argv[1:] or MODELS:
            rows += rows_of(name, network, progress)
    lines = [
        [r["model"], r["bits"], f"{r['psnr_db']:.1f}", *(f"{r[f]:.3g}" for f in FIGURES), f"{r['bytes'] / 1024:.0f}"]
        for r in rows
    ]
    publish(
        "recall",
        f"{SAMPLES} pictures against the shipped real images",
        ["model", "weights", "PSNR dB", "fd_lite0", "precision", "recall", "KiB"],
        lines,
        {"rows": rows, "samples": SAMPLES, "seeds": SEEDS},
        {},
    )


if __name__ == "__main__":
    main()
