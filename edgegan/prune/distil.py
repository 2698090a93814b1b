"""Distillation: a pruned generator learns to give the original's output for the same input.

Paired pixels alone give blurred pictures, so a critic is trained beside the student: it compares paired features, and
tells the student's pictures from the original's. No real data and none of the original's training code is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from torch import fx

from edgegan.core.stage import StageResult, stopwatch
from edgegan.graph.graph import Graph
from edgegan.prune.forecast import Forecast
from edgegan.prune.lesson import Lesson, Look
from edgegan.prune.settings import Settings

Progress = Callable[[int, int], None]
WORSE = "WARNING: training took the network further from the original than it was; try another --seed, or prune less"


def distil(
    teacher: Graph,
    student: fx.GraphModule,
    settings: Settings,
    images: np.ndarray | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    told: Callable[[str], object] | None = None,
    watch: Callable[[Look], object] | None = None,
) -> StageResult[fx.GraphModule]:
    """Train ``student`` (a layered network, changed in place) towards ``teacher`` on the teacher's own inputs.

    Latents and labels are drawn afresh each step; image inputs come from ``images`` (uint8 NHWC), large ones in crops
    where the network allows it, whole ones last. BatchNorm keeps its statistics, as it does on the device.
    ``checkpoint`` is where a stopped run resumes from, step for step. ``told`` hears how long all will take, as soon as
    some steps were timed, where that is long. ``watch`` hears of each look at how training stands, those before a stop
    too.
    """
    with stopwatch() as seconds:
        lesson = Lesson(teacher, student, settings, images)
        lesson.resume(checkpoint)
        heard = 0
        before = lesson.error()
        forecast = Forecast(lesson.batch, settings.device, told)
        for step in range(lesson.step, settings.steps):
            lesson.advance(step)
            forecast.step(lesson.step, settings.steps)
            if lesson.step % settings.checkpoint_every == 0:
                lesson.look_back()
                if checkpoint:
                    lesson.save(checkpoint)
                heard = _tell(lesson.looks, heard, watch)
            if progress:
                progress(lesson.step, settings.steps)
        if lesson.step % settings.checkpoint_every:
            lesson.look_back()
        _tell(lesson.looks, heard, watch)
        student.load_state_dict(lesson.average.state_dict())
        after = lesson.error()
        cut = f", of {lesson.crops.side} pixels a side but for the last ones" if lesson.crops else ""
        back = f"; {lesson.returns} times back to the last good state, each at half the rate" if lesson.returns else ""
        graph = f"; without a CUDA graph: {lesson.learn.refused}" if lesson.learn.refused else ""
        note = (
            f"distilled for {settings.steps} steps of {lesson.batch} paired samples{cut}: L1 to the original "
            f"{before:.4f} -> {after:.4f}{back}{graph}"
        )
        return StageResult(student, (note, *([WORSE] if after > before else ())), seconds())


def _tell(looks: Sequence[Look], heard: int, watch: Callable[[Look], object] | None) -> int:
    """Tell of the looks that were not heard of; how many were by now."""
    if watch is not None:
        for look in looks[heard:]:
            watch(look)
    return len(looks)
