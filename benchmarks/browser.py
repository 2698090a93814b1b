"""Int8 artifacts in a headless Chromium (LiteRT.js) beside the same files in Python's LiteRT, in turns on one machine.

``python -m benchmarks.browser`` compresses five generators of the zoo for ``mobile`` in int8 and prints both latencies,
how many times slower the browser is, and whether it draws the same. Needs ``[browser]``, Chromium and npm.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.common import THREADS, publish
from edgegan.bench import in_browser
from edgegan.bench.latency import measure
from edgegan.compress import compress
from edgegan.core.sampling import sample_inputs
from edgegan.metrics.pairwise import psnr_db
from edgegan.runtime import load

MODELS = ("fashion-dcgan", "fashion-cgan", "fashion-cyclegan", "fashion-pix2pix", "sr-compact")
TURNS, SECONDS, SAME_DB = 3, 2.0, 48.0
"""The last: two pictures of which every pixel is within one level have more."""


def row_of(model: str, folder: Path) -> dict[str, Any]:
    report = compress(model, "mobile", out=folder, precision="int8", threads=THREADS, fd_samples=0)
    artifact = folder / report.result["artifact"]
    python, browser, told = [], [], {}
    with load(artifact, threads=THREADS) as generator:
        inputs = sample_inputs(generator.inputs, 1, 0)
        wanted = generator.images(inputs)
        for _ in range(TURNS):
            python.append(measure(partial(generator.run, inputs), 0.2, SECONDS).p50)
            seen, version = in_browser.measure({"one": artifact}, inputs, THREADS, SECONDS)
            if seen["one"].latency_ms is None or seen["one"].output is None:
                raise SystemExit(f"{model} does not run in {version}: {seen['one'].error}")
            browser.append(float(seen["one"].latency_ms["p50"]))
            told = {"browser": version, "psnr_db": psnr_db(wanted, seen["one"].output, generator.output_range)}
    here, there = float(np.median(python)), float(np.median(browser))
    return {"model": model, "python_ms": here, "browser_ms": there, "times_slower": there / here, **told}


def main() -> None:
    with TemporaryDirectory() as folder:
        rows = [row_of(model, Path(folder) / model) for model in MODELS]
    aims = {
        f"{row['model']}: {row['psnr_db']:.1f} dB to Python's pictures (aim: {SAME_DB:.0f})": row["psnr_db"] >= SAME_DB
        for row in rows
    }
    publish(
        "browser",
        f"int8 in {rows[0]['browser']} beside Python's LiteRT, {THREADS} threads",
        ["model", "LiteRT ms", "browser ms", "times slower", "dB"],
        [
            [
                r["model"],
                *(f"{r[key]:.3f}" for key in ("python_ms", "browser_ms", "times_slower")),
                f"{r['psnr_db']:.1f}",
            ]
            for r in rows
        ],
        {"rows": rows},
        aims,
    )


if __name__ == "__main__":
    main()
