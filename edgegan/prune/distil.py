"""Distillation: a pruned generator learns to give the original's output for the same input.

Paired pixels alone give blurred pictures, so a critic is trained beside the student: it compares paired features, and
tells the student's pictures from the original's. No real data and none of the original's training code is needed.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx
from torch.nn.functional import l1_loss

from edgegan.core.files import atomic_path
from edgegan.core.sampling import sample_inputs
from edgegan.core.stage import StageResult, stopwatch
from edgegan.graph.graph import Graph
from edgegan.graph.rebatch import rebatch, runs_alike
from edgegan.prune.batch_size import training_batch
from edgegan.prune.critic import Critic, critic_loss, feature_loss, paired_loss
from edgegan.prune.place import moved

Progress = Callable[[int, int], None]
LEAST_SIDE = 8
CHECK_STEP = 1 << 20
NOT_TIMED, TIMED, LONG_SECONDS = 2, 3, 120.0
"""Steps that warm up, steps that are timed, and what is told of before it has passed."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``steps`` of Adam on ``batch`` paired samples each, the rate falling to zero along a cosine.

    The loss is ``pixels`` * L1 at three sizes + ``features`` * paired critic features - ``adversarial`` * critic score.
    The score counts nothing for ``critic_alone`` steps and comes in over as many more: a critic that has learnt nothing
    pushes the student anywhere, and one seed in three never came back from there. ``ema`` averages the student's
    weights over its steps. ``device``: where it is trained, as PyTorch names it; a checkpoint goes on on any.
    """

    steps: int
    batch: int = 64
    lr: float = 2e-3
    critic_lr: float = 2e-4
    pixels: float = 0.3
    features: float = 2.0
    adversarial: float = 0.3
    critic_alone: int = 100
    ema: float = 0.999
    seed: int = 0
    checkpoint_every: int = 200
    device: str = "cpu"


def distil(
    teacher: Graph,
    student: fx.GraphModule,
    settings: Settings,
    images: np.ndarray | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    told: Callable[[str], object] | None = None,
) -> StageResult[fx.GraphModule]:
    """Train ``student`` (a layered network, changed in place) towards ``teacher`` on the teacher's own inputs.

    Latents and labels are drawn afresh each step; image inputs come from ``images`` (uint8 NHWC). BatchNorm keeps its
    statistics, as it does on the device. ``checkpoint`` is where a stopped run resumes from, step for step. ``told``
    hears how long all will take, as soon as some steps were timed, where that is long.
    """
    with stopwatch() as seconds:
        run = _Run(teacher, student, settings, images)
        run.resume(checkpoint)
        before = run.error()
        forecast = _Forecast(run, told)
        for step in range(run.step, settings.steps):
            run.advance(step)
            forecast.step()
            if checkpoint and run.step % settings.checkpoint_every == 0:
                run.save(checkpoint)
            if progress:
                progress(run.step, settings.steps)
        student.load_state_dict(run.average.state_dict())
        after = run.error()
        note = (
            f"distilled for {settings.steps} steps of {run.batch} paired samples: L1 to the original {before:.4f} "
            f"-> {after:.4f}"
        )
        worse = (
            "WARNING: training took the network further from the original than it was; try another --seed, or prune "
            "less",
        )
        return StageResult(student, (note, *(worse if after > before else ())), seconds())


class _Forecast:
    """How long the steps that are left will take, told once."""

    def __init__(self, run: _Run, told: Callable[[str], object] | None) -> None:
        self._run, self._told, self._timed = run, told, 0
        self._began = 0.0

    def step(self) -> None:
        """One step is over; the first ones are not counted."""
        if self._told is None:
            return
        self._timed += 1
        if self._timed == NOT_TIMED:
            self._began = time.monotonic()
        elif self._timed == NOT_TIMED + TIMED:
            settings = self._run.settings
            each = (time.monotonic() - self._began) / TIMED
            left = each * (settings.steps - self._run.step)
            if left > LONG_SECONDS:
                self._told(
                    f"{settings.steps} steps of {self._run.batch} samples on {settings.device} take about "
                    f"{_duration(left)} more; fewer steps (--distill-steps, --qat-steps)"
                    + ("" if settings.device != "cpu" else ", or a GPU (--train-device cuda),")
                    + " make it shorter; a stopped run goes on where it was"
                )


def _duration(seconds: float) -> str:
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 2 * 86400 else f"{seconds / 86400:.1f} days"


class _Run:
    """What a distillation is made of; a checkpoint holds all of it."""

    def __init__(self, teacher: Graph, student: fx.GraphModule, settings: Settings, images: np.ndarray | None) -> None:
        self.graph, self.settings, self.images, self.step = teacher, settings, images, 0
        wanted = training_batch(teacher, settings.batch, settings.device)
        self.batch, self.teacher, self.student = _for_batches(teacher, student, wanted)
        for network in (self.teacher, self.student):
            _channels_last(moved(network, settings.device))
        self.average = copy.deepcopy(self.student).requires_grad_(False)
        self.optimizer = torch.optim.Adam(self.student.parameters(), settings.lr, betas=(0.5, 0.99))
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, max(1, settings.steps))
        shape = teacher.output_shape
        self.critic = None
        if len(shape) == 4 and min(shape[2:]) >= LEAST_SIDE and (settings.features or settings.adversarial):
            with torch.random.fork_rng():
                torch.manual_seed(settings.seed)
                self.critic = Critic(shape[1], min(shape[2:]))
            _channels_last(self.critic.to(settings.device))
            self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), settings.critic_lr, betas=(0.5, 0.99))

    def advance(self, step: int) -> None:
        """One step of the critic, one of the student, one of the average."""
        inputs = self._inputs(step)
        with torch.no_grad():
            wanted = self.teacher(*inputs)
        output = self.student(*inputs)
        loss = self.settings.pixels * paired_loss(output, wanted)
        if self.critic is not None:
            self._teach_critic(self.critic, output.detach(), wanted)
            with torch.no_grad():
                original = self.critic(wanted)
            self.critic.requires_grad_(False)
            critic_features = self.critic(output)
            self.critic.requires_grad_(True)
            loss = (
                loss
                + self.settings.features * feature_loss(original, critic_features)
                - self._adversarial(step) * critic_features[-1].mean()
            )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self._average(min(self.settings.ema, (1 + step) / (10 + step)))
        self.step = step + 1

    def _adversarial(self, step: int) -> float:
        alone = self.settings.critic_alone
        return self.settings.adversarial * min(1.0, max(0.0, (step - alone) / max(1, alone)))

    def _teach_critic(self, critic: Critic, output: torch.Tensor, wanted: torch.Tensor) -> None:
        loss = critic_loss(critic(wanted), critic(output))
        self.critic_optimizer.zero_grad()
        loss.backward()
        self.critic_optimizer.step()

    @torch.no_grad()
    def _average(self, decay: float) -> None:
        for kept, new in zip(self.average.parameters(), self.student.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)

    def _inputs(self, step: int) -> tuple[torch.Tensor, ...]:
        picked = None
        if self.images is not None:
            picked = self.images[
                np.random.default_rng([self.settings.seed, step]).integers(0, len(self.images), self.batch)
            ]
        values = sample_inputs(self.graph.spec.inputs, self.batch, (self.settings.seed << 32) + step + 1, picked)
        return tuple(torch.from_numpy(v).to(self.settings.device) for v in values.values())

    @torch.no_grad()
    def error(self) -> float:
        """Mean absolute difference to the original on inputs that no step sees."""
        inputs = self._inputs(CHECK_STEP)
        return l1_loss(self.average(*inputs), self.teacher(*inputs)).item()

    def _parts(self) -> dict[str, Any]:
        """What has a state to save, by name."""
        parts = {
            "student": self.student,
            "average": self.average,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
        }
        return parts | (
            {"critic": self.critic, "critic_optimizer": self.critic_optimizer} if self.critic is not None else {}
        )

    def save(self, path: Path) -> None:
        with atomic_path(path) as temporary:
            torch.save(
                {name: part.state_dict() for name, part in self._parts().items()} | {"step": self.step}, temporary
            )

    def resume(self, path: Path | None) -> None:
        if path is None or not path.exists():
            return
        content = torch.load(path, weights_only=True, map_location=self.settings.device)
        for name, part in self._parts().items():
            part.load_state_dict(content[name])
        self.step = content["step"]


def _channels_last(network: torch.nn.Module) -> None:
    """The layout in which convolutions train fastest on a CPU; weights of other ranks stay as they are."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _for_batches(teacher: Graph, student: fx.GraphModule, wanted: int) -> tuple[int, fx.GraphModule, fx.GraphModule]:
    """Copies that run ``wanted`` samples at once where the code allows it, else the graph's own batch."""
    many_teacher, many_student = copy.deepcopy(teacher.module), copy.deepcopy(student)
    rebatch(many_teacher, teacher.batch, wanted)
    rebatch(many_student, teacher.batch, wanted)
    probe = tuple(torch.from_numpy(v) for v in sample_inputs(teacher.spec.inputs, wanted, 1).values())
    if (
        wanted % teacher.batch == 0
        and runs_alike(teacher.module, many_teacher, probe, teacher.batch)
        and runs_alike(student, many_student, probe, teacher.batch)
    ):
        return wanted, many_teacher, many_student
    return teacher.batch, copy.deepcopy(teacher.module), copy.deepcopy(student)
