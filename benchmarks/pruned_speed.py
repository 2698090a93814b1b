"""Does latency follow pruning, and what does distillation cost beside a bare loop.

A DCGAN at 128x128, where computing dominates, whole and with ``--macs-ratio 8``, both in int8: the fastest file of each
backend, in turns in one process. Weights are untrained: neither speed nor the cost of training hangs on them. Aim: at
least 4 times as fast. Then steps of distillation of fashion-dcgan at batch 64 against a loop over the same networks
with the same losses, optimisers and inputs and nothing else, in turns: at most 1.15 times as long.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from benchmarks.common import BACKENDS, THREADS, publish, subject
from edgegan.bench.latency import interleaved
from edgegan.compress import compress
from edgegan.graph.graph import Graph
from edgegan.models import dcgan
from edgegan.prune.channels import prune
from edgegan.prune.critic import critic_loss, feature_loss
from edgegan.prune.lesson import Lesson
from edgegan.prune.losses import paired_loss
from edgegan.prune.settings import Settings
from edgegan.runtime import load

RATIO, FASTER, OVERHEAD = 8, 4.0, 1.15
BATCH, STEPS, TURNS = 64, 40, 6


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


def _bare(graph: Graph, lesson: Lesson) -> Callable[[], None]:
    """A step of a loop with nothing in it but what is learnt."""
    settings, student, teacher, critic = lesson.settings, lesson.student, lesson.teacher, lesson.critic
    assert critic is not None
    optimizer = torch.optim.Adam(student.parameters(), settings.lr, betas=(0.5, 0.99))
    critic_optimizer = torch.optim.Adam(critic.parameters(), settings.critic_lr, betas=(0.5, 0.99))

    def step() -> None:
        z = torch.randn(BATCH, *graph.spec.inputs[0].shape)
        with torch.no_grad():
            wanted = teacher(z)
        output = student(z)
        learnt = critic_loss(critic(wanted), critic(output.detach()))
        critic_optimizer.zero_grad()
        learnt.backward()
        critic_optimizer.step()
        with torch.no_grad():
            original = critic(wanted)
        critic.requires_grad_(False)
        features = critic(output)
        critic.requires_grad_(True)
        loss = (
            settings.pixels * paired_loss(output, wanted)
            + settings.features * feature_loss(original, features)
            - settings.adversarial * features[-1].mean()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def overhead() -> float:
    """Seconds of a step of distillation over those of a bare one, the median over turns."""
    _, graph = subject()
    lessons = [Lesson(graph, prune(graph, 0.5).value[1], Settings(steps=10**6, batch=BATCH), None) for _ in range(2)]
    bare, ratios = _bare(graph, lessons[1]), []
    for turn in range(TURNS):
        start = time.perf_counter()
        for index in range(STEPS):
            lessons[0].advance(turn * STEPS + index)
        lessons[0].look_back()
        middle = time.perf_counter()
        for _ in range(STEPS):
            bare()
        ratios.append((middle - start) / (time.perf_counter() - middle))
    return median(ratios[1:])


def main() -> None:
    torch.set_num_threads(THREADS)
    found, cost = speeds(), overhead()
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
    aims[f"a step of distillation takes {cost:.3f} times a bare one's time (aim: {OVERHEAD})"] = cost <= OVERHEAD
    publish(
        "pruned_speed",
        "DCGAN at 128x128 in int8: milliseconds whole, pruned",
        ["backend", "whole", "pruned", "ratio"],
        rows,
        {"backends": found, "distillation": cost, "macs_ratio": RATIO},
        aims,
    )


if __name__ == "__main__":
    main()
