"""What a step of distillation costs: fashion-dcgan pruned by half, at batch 64.

Against a loop over the same networks with the same losses, optimisers and inputs and nothing else, in turns, on two
cores: at most 1.15 times as long. Where there is a GPU, 1,000 steps there against two cores of the same machine: at
least 20 times as fast.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from benchmarks.common import THREADS, publish, subject
from edgegan.graph.graph import Graph
from edgegan.prune.channels import prune
from edgegan.prune.critic import critic_loss, feature_loss
from edgegan.prune.lesson import Lesson
from edgegan.prune.losses import paired_loss
from edgegan.prune.settings import Settings

OVERHEAD, FASTER = 1.15, 20.0
BATCH, STEPS, TURNS, GPU_STEPS = 64, 40, 6, 1000


def lesson_on(graph: Graph, device: str) -> Lesson:
    return Lesson(graph, prune(graph, 0.5).value[1], Settings(steps=10**6, batch=BATCH, device=device), None)


def _bare(graph: Graph, lesson: Lesson) -> Callable[[], None]:
    """A step of a loop with nothing in it but what is learnt."""
    assert lesson.critic is not None
    settings, student, teacher, critic = lesson.settings, lesson.student, lesson.teacher, lesson.critic.critic
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


def on_two_cores(graph: Graph) -> dict[str, float]:
    """Milliseconds of a step, ours and bare, and their ratio: medians over turns."""
    ours, other = lesson_on(graph, "cpu"), lesson_on(graph, "cpu")
    bare, turns = _bare(graph, other), []
    for turn in range(TURNS):
        start = time.perf_counter()
        for index in range(STEPS):
            ours.advance(turn * STEPS + index)
        ours.look_back()
        middle = time.perf_counter()
        for _ in range(STEPS):
            bare()
        turns.append((middle - start, time.perf_counter() - middle))
    scale = 1e3 / STEPS
    return {
        "ours_ms": scale * median(mine for mine, _ in turns[1:]),
        "bare_ms": scale * median(its for _, its in turns[1:]),
        "ratio": median(mine / its for mine, its in turns[1:]),
    }


def on_a_gpu(graph: Graph) -> dict[str, Any]:
    """Milliseconds of a step over GPU_STEPS, from the first, looks at how it stands included."""
    lesson = lesson_on(graph, "cuda")
    torch.cuda.synchronize()
    start = time.perf_counter()
    for step in range(GPU_STEPS):
        lesson.advance(step)
        if lesson.step % lesson.settings.checkpoint_every == 0:
            lesson.look_back()
    torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    return {"ours_ms": 1e3 * seconds / GPU_STEPS, "without_graph": lesson.learn.refused}


def main() -> None:
    torch.set_num_threads(THREADS)
    _, graph = subject()
    cores = on_two_cores(graph)
    aims = {f"a step takes {cores['ratio']:.3f} times a bare one's time (aim: {OVERHEAD})": cores["ratio"] <= OVERHEAD}
    rows = [["two cores", f"{cores['ours_ms']:.1f}", f"{cores['bare_ms']:.1f}"]]
    gpu = on_a_gpu(graph) if torch.cuda.is_available() else None
    if gpu is not None:
        faster = cores["ours_ms"] / gpu["ours_ms"]
        rows.append([torch.cuda.get_device_name(0), f"{gpu['ours_ms']:.2f}", "-"])
        aims[f"{faster:.1f} times as fast on a GPU as on two cores (aim: {FASTER:g})"] = faster >= FASTER
    publish(
        "distillation",
        f"fashion-dcgan pruned by half, batch {BATCH}: milliseconds a step",
        ["on", "ours", "bare"],
        rows,
        {"two_cores": cores, "gpu": gpu, "batch": BATCH},
        aims,
    )


if __name__ == "__main__":
    main()
