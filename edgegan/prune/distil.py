"""Distillation: a pruned generator learns to give the original's output for the same input. No discriminator is needed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import fx, nn
from torch.nn.functional import avg_pool2d, l1_loss

from edgegan.core.files import atomic_path
from edgegan.core.sampling import sample_inputs
from edgegan.core.stage import StageResult, stopwatch
from edgegan.graph.graph import Graph
from edgegan.graph.rebatch import rebatch, runs_alike

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``steps`` of Adam on ``batch`` paired samples each, the rate falling to zero along a cosine."""

    steps: int
    batch: int = 32
    lr: float = 1e-3
    seed: int = 0
    checkpoint_every: int = 200


def distil(teacher: Graph, student: fx.GraphModule, settings: Settings, images: np.ndarray | None = None, checkpoint: Path | None = None, progress: Progress | None = None) -> StageResult[fx.GraphModule]:
    """Train ``student`` (a layered network, changed in place) towards ``teacher`` on the teacher's own inputs.

    Latents and labels are drawn afresh each step; image inputs come from ``images`` (uint8 NHWC). The loss is L1 over
    the picture at full, half and quarter size. BatchNorm normalises by the batch while training; its statistics are
    taken anew at the end. ``checkpoint`` is where a stopped run resumes from.
    """
    with stopwatch() as seconds:
        batch, teacher_many, student_many = _for_batches(teacher, student, settings.batch)
        norms = [m for m in student_many.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
        for norm in norms if batch > 1 else []:
            norm.train()
        optimizer = torch.optim.Adam(student_many.parameters(), settings.lr, betas=(0.9, 0.99))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, settings.steps))
        start = _resume(checkpoint, student_many, optimizer, schedule)
        before = _error(teacher_many, student_many, teacher, batch, images, settings.seed)
        for step in range(start, settings.steps):
            inputs = _inputs(teacher, batch, settings.seed, step, images)
            with torch.no_grad():
                wanted = teacher_many(*inputs)
            loss = paired_loss(student_many(*inputs), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if checkpoint and (step + 1) % settings.checkpoint_every == 0:
                _save(checkpoint, student_many, optimizer, schedule, step + 1)
            if progress:
                progress(step + 1, settings.steps)
        if batch > 1:
            _fresh_statistics(student_many, norms, teacher, batch, settings, images)
        after = _error(teacher_many, student_many, teacher, batch, images, settings.seed)
        student.load_state_dict(student_many.state_dict())
        note = f"distilled for {settings.steps} steps of {batch} paired samples: L1 to the original {before:.4f} -> {after:.4f}"
        return StageResult(student, (note,), seconds())


def paired_loss(output: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """L1 at full, half and quarter size, (N, C, H, W) -> scalar."""
    total = l1_loss(output, wanted)
    for _ in range(2):
        if output.ndim != 4 or min(output.shape[2:]) < 4:
            break
        output, wanted = avg_pool2d(output, 2), avg_pool2d(wanted, 2)
        total = total + l1_loss(output, wanted)
    return total


def _for_batches(teacher: Graph, student: fx.GraphModule, wanted: int) -> tuple[int, fx.GraphModule, fx.GraphModule]:
    """Copies that run ``wanted`` samples at once where the code allows it, else the graph's own batch."""
    many_teacher, many_student = copy.deepcopy(teacher.module), copy.deepcopy(student)
    rebatch(many_teacher, teacher.batch, wanted)
    rebatch(many_student, teacher.batch, wanted)
    probe = tuple(torch.from_numpy(v) for v in sample_inputs(teacher.spec.inputs, wanted, 1).values())
    if wanted % teacher.batch == 0 and runs_alike(teacher.module, many_teacher, probe, teacher.batch) and runs_alike(student, many_student, probe, teacher.batch):
        return wanted, many_teacher, many_student
    return teacher.batch, teacher.module, copy.deepcopy(student)


def _inputs(teacher: Graph, batch: int, seed: int, step: int, images: np.ndarray | None) -> tuple[torch.Tensor, ...]:
    picked = None if images is None else images[np.random.default_rng([seed, step]).integers(0, len(images), batch)]
    values = sample_inputs(teacher.spec.inputs, batch, (seed << 32) + step + 1, picked)
    return tuple(torch.from_numpy(v) for v in values.values())


@torch.no_grad()
def _error(teacher: fx.GraphModule, student: fx.GraphModule, graph: Graph, batch: int, images: np.ndarray | None, seed: int) -> float:
    inputs = _inputs(graph, batch, seed, 1 << 20, images)
    return l1_loss(student(*inputs), teacher(*inputs)).item()


@torch.no_grad()
def _fresh_statistics(student: fx.GraphModule, norms: list[nn.Module], teacher: Graph, batch: int, settings: Settings, images: np.ndarray | None) -> None:
    """BatchNorm statistics as the plain average over a few dozen batches of the final weights."""
    for norm in norms:
        norm.reset_running_stats()  # type: ignore[operator]
        norm.momentum = None  # type: ignore[assignment]
    if norms:
        for step in range(32):
            student(*_inputs(teacher, batch, settings.seed, (1 << 21) + step, images))
    for norm in norms:
        norm.eval()


def _save(path: Path, student: fx.GraphModule, optimizer: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler, step: int) -> None:
    with atomic_path(path) as temporary:
        torch.save({"student": student.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(), "step": step}, temporary)


def _resume(path: Path | None, student: fx.GraphModule, optimizer: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler) -> int:
    if path is None or not path.exists():
        return 0
    content = torch.load(path, weights_only=True)
    student.load_state_dict(content["student"])
    optimizer.load_state_dict(content["optimizer"])
    schedule.load_state_dict(content["schedule"])
    step: int = content["step"]
    return step
