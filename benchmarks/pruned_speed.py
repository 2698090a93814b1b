"""Does latency follow pruning.

A DCGAN at 128x128, where computing dominates, whole and with ``--macs-ratio 8``, both in int8: the fastest file of each
backend, in turns in one process. Weights are untrained: speed does not hang on them. Aim: at least 4 times as fast.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.common import BACKENDS, THREADS, publish
from edgegan.bench.latency import interleaved
from edgegan.compress import compress
from edgegan.models import dcgan
from edgegan.runtime import load

RATIO, FASTER = 8, 4.0


def dcgan_128() -> torch.nn.Module:
    torch.manual_seed(0)
    return dcgan.Generator(features=64, channels=3, size=128).eval()


def files(folder: Path, ratio: float | None) -> dict[str, Path]:
    """The fastest int8 file of each backend."""
    report = compress(
        "benchmarks.pruned_speed:dcgan_128", "x86-cpu", inputs=["latent:100x1x1"], out=folder, precision="int8",
        macs_ratio=ratio, distill_steps=0, fd_samples=0, min_psnr=0, threads=THREADS, keep_candidates=True,
    ).content  # fmt: skip
    rows = [r for r in report["candidates"] if r["precision"] == "int8" and r["artifact"] and r["latency_ms"]]
    fastest = {}
    for row in sorted(rows, key=lambda row: row["latency_ms"]["p50"], reverse=True):
        fastest[row["backend"]] = folder / row["artifact"]
    return fastest


def speeds() -> dict[str, dict[str, float]]:
    """Milliseconds of the whole and of the pruned generator, and their ratio, by backend."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        whole, pruned = files(Path(folder) / "whole", None), files(Path(folder) / "pruned", RATIO)
        for backend in BACKENDS:
            with load(whole[backend], threads=THREADS) as large, load(pruned[backend], threads=THREADS) as small:
                latents = {spec.name: value[:1] for spec, value in zip(
                    large.manifest.spec.inputs, _latents(), strict=True
                )}  # fmt: skip
                calls: dict[str, Callable[[], object]] = {
                    "whole": lambda g=large, z=latents: g.images(z), "pruned": lambda g=small, z=latents: g.images(z),
                }  # fmt: skip
                p50 = {name: each.p50 for name, each in interleaved(calls, seconds=6.0, rounds=8).items()}
            found[backend] = {**p50, "ratio": p50["whole"] / p50["pruned"]}
    return found


def _latents() -> list:
    return [torch.randn(1, 100, 1, 1, generator=torch.Generator().manual_seed(0)).numpy()]


def main() -> None:
    torch.set_num_threads(THREADS)
    found = speeds()
    rows = [
        [backend, f"{row['whole']:.2f}", f"{row['pruned']:.2f}", f"{row['ratio']:.2f}"]
        for backend, row in found.items()
    ]
    aims = {
        f"{backend}: int8 at {RATIO} times fewer MACs is {row['ratio']:.2f} times as fast (aim: {FASTER:g})": row[
            "ratio"
        ]
        >= FASTER
        for backend, row in found.items()
    }
    publish(
        "pruned_speed",
        "DCGAN at 128x128 in int8: milliseconds whole, pruned",
        ["backend", "whole", "pruned", "ratio"],
        rows,
        {"backends": found, "macs_ratio": RATIO},
        aims,
    )


if __name__ == "__main__":
    main()
