"""One distillation as it runs: teacher, student, its average and the critic; a checkpoint holds all of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.nn.functional import l1_loss

from edgegan.core.errors import ModelError
from edgegan.core.files import atomic_path
from edgegan.core.sampling import sample_inputs
from edgegan.graph.graph import Graph, first_output
from edgegan.graph.rebatch import rebatch, runs_alike
from edgegan.metrics.pairwise import psnr_db
from edgegan.prune.batch_size import training_batch
from edgegan.prune.critic import Pupil, feature_loss
from edgegan.prune.crops import WHOLE, crops
from edgegan.prune.looking import LookingLoss
from edgegan.prune.losses import layer_loss, paired_loss, relation_loss, wavelet_loss
from edgegan.prune.place import channels_last, moved, sent
from edgegan.prune.rates import adam, at_home, set_rate
from edgegan.prune.settings import Settings
from edgegan.prune.taps import shared_layers, tap
from edgegan.runtime.replay import Replay

LEAST_SIDE = 8
CHECK_STEP = 1 << 20
Layers = list[torch.Tensor]


@dataclass(frozen=True)
class Look:
    """How training stands after ``step`` steps: the mean loss since the last look, and the average's PSNR to the
    teacher, in its range, on inputs that no step sees; None where it is no number."""

    step: int
    loss: float | None
    psnr_db: float | None

    def __str__(self) -> str:
        if self.loss is None or self.psnr_db is None:
            return f"step {self.step}: no number"
        return f"step {self.step}: loss {self.loss:.4f}, {self.psnr_db:.2f} dB to the original"


class Lesson:
    """``step``: of ``settings.steps``; ``batch``: samples in each; ``average``: what is kept in the end; ``returns``:
    how often training went back to a good state; ``looks``: how it went."""

    def __init__(self, teacher: Graph, student: fx.GraphModule, settings: Settings, images: np.ndarray | None) -> None:
        self.graph, self.settings, self.images = teacher, settings, images
        self.step, self.returns, self._least = 0, 0, float("inf")
        wanted = training_batch(teacher, settings.batch, settings.device)
        self.batch, self.teacher, self.student = _for_batches(teacher, student, wanted)
        self.crops = crops(teacher, student, images)
        self._parts: dict[str, Any] = {}
        self.looks: list[Look] = []
        self._losses: list[torch.Tensor] = []
        widths = self._tapped(teacher, student)
        for network in (self.teacher, self.student):
            channels_last(moved(network, settings.device))
        self.average = copy.deepcopy(self.student).requires_grad_(False)
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            self.adapters = nn.ModuleList(nn.Conv2d(mine, its, 1) for mine, its in widths).to(settings.device)
        self.optimizer = adam([*self.student.parameters(), *self.adapters.parameters()], settings.lr, settings.device)
        self._ramp, self._new = (torch.zeros((), device=settings.device) for _ in range(2))
        self._parts |= {
            "student": self.student,
            "average": self.average,
            "adapters": self.adapters,
            "optimizer": self.optimizer,
        }
        self.critic = self._critic()
        self.looking = (
            LookingLoss(teacher.output_shape, teacher.spec.output_range).to(settings.device) if settings.lpips else None
        )
        self.learn = Replay(self._learn, settings.device)
        self._good = self._state()

    def _rate(self, step: int) -> float:
        """A cosine to zero, halved for each return."""
        return float(0.5 ** (self.returns + 1) * (1 + np.cos(np.pi * min(1.0, step / max(1, self.settings.steps)))))

    def _set_rates(self, step: int) -> None:
        """The student's, the part that the critic's score has, and that of the new weights in the average."""
        settings, alone = self.settings, self.settings.critic_alone
        set_rate(self.optimizer, settings.lr * self._rate(step))
        self._ramp.fill_(min(1.0, max(0.0, (step - alone) / max(1, alone))))
        self._new.fill_(1 - min(settings.ema, (1 + step) / (10 + step)))

    def _tapped(self, teacher: Graph, student: fx.GraphModule) -> list[tuple[int, int]]:
        """Let both networks give some layers' maps too, where a loss looks at them; their channels, student's first."""
        if not (self.settings.layers or self.settings.relations):
            return []
        pairs = shared_layers(teacher.module, student)
        if not pairs:
            raise ModelError("--loss layers and relations: the pruned network has no map in common with the original")
        tap(self.teacher, [its for its, _ in pairs])
        tap(self.student, [mine for _, mine in pairs])
        if not self.settings.layers:
            return []
        its_nodes = {node.name: node for node in teacher.module.graph.nodes}
        my_nodes = {node.name: node for node in student.graph.nodes}
        return [
            (int(my_nodes[mine].meta["val"].shape[1]), int(its_nodes[its].meta["val"].shape[1])) for its, mine in pairs
        ]

    def _critic(self) -> Pupil | None:
        """None where nothing wants one, or the teacher's pictures are too small, or none."""
        shape, settings = self.graph.output_shape, self.settings
        if len(shape) != 4 or min(shape[2:]) < LEAST_SIDE or not (settings.features or settings.adversarial):
            return None
        pupil = Pupil(shape, settings.seed, settings.critic_lr, settings.device)
        self._parts |= {"critic": pupil.critic, "critic_optimizer": pupil.optimizer}
        return pupil

    def advance(self, step: int) -> None:
        """One step of the critic, one of the student, one of the average."""
        inputs = self._inputs(step, cut=step < (1 - WHOLE) * self.settings.steps)
        self._set_rates(step)
        self._losses.append(self.learn(*inputs).clone())
        self.step = step + 1

    def _learn(self, *inputs: torch.Tensor) -> torch.Tensor:
        """What ``advance`` does on the device, from the same tensors each time; the student's loss."""
        with torch.no_grad():
            wanted, asked = _drawn(self.teacher, inputs)
        output, made = _drawn(self.student, inputs)
        loss = self._paired(output, wanted, made, asked)
        if self.critic is not None:
            self.critic.learn(wanted, output)
            loss = loss + self._criticised(self.critic, output, wanted)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.student.parameters(), self.settings.clip)
        self.optimizer.step()
        self._average()
        return loss.detach()

    def _paired(self, output: torch.Tensor, wanted: torch.Tensor, made: Layers, asked: Layers) -> torch.Tensor:
        loss = self.settings.pixels * paired_loss(output, wanted)
        if self.settings.wavelet:
            loss = loss + self.settings.wavelet * wavelet_loss(output, wanted)
        if self.settings.layers:
            loss = loss + self.settings.layers * layer_loss(made, asked, self.adapters)
        if self.settings.relations:
            loss = loss + self.settings.relations * relation_loss(made, asked)
        if self.looking is not None:
            loss = loss + self.settings.lpips * self.looking(output, wanted)
        return loss

    def _criticised(self, pupil: Pupil, output: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            original = pupil.critic(wanted)
        features = pupil.judged(output)
        score = self._ramp * features[-1].mean()
        return self.settings.features * feature_loss(original, features) - self.settings.adversarial * score

    @torch.no_grad()
    def _average(self) -> None:
        for kept, new in zip(self.average.parameters(), self.student.parameters(), strict=True):
            kept.lerp_(new, self._new)

    def _inputs(self, step: int, cut: bool = False) -> tuple[torch.Tensor, ...]:
        picked = None
        if self.images is not None:
            picked = self.images[
                np.random.default_rng([self.settings.seed, step]).integers(0, len(self.images), self.batch)
            ]
        values: Mapping[str, np.ndarray] = sample_inputs(
            self.graph.spec.inputs, self.batch, (self.settings.seed << 32) + step + 1, picked
        )
        if cut and self.crops is not None:
            values = self.crops.cut(values, [self.settings.seed, step, 1])
        return tuple(sent(torch.from_numpy(v), self.settings.device) for v in values.values())

    def error(self) -> float:
        """Mean absolute difference to the original on inputs that no step sees."""
        return l1_loss(*self._pictures()).item()

    @torch.no_grad()
    def _pictures(self) -> tuple[torch.Tensor, torch.Tensor]:
        inputs = self._inputs(CHECK_STEP)
        return _drawn(self.average, inputs)[0], _drawn(self.teacher, inputs)[0]

    def look_back(self) -> None:
        """Look at this state; remember it where it is a good one, else go back to the last that was."""
        pictures = self._pictures()
        found = l1_loss(*pictures).item()
        self.looks.append(self._look(*pictures))
        if isfinite(found) and found <= self.settings.worst * self._least:
            self._least, self._good = min(self._least, found), self._state()
            return
        step, returns, looks = self.step, self.returns + 1, self.looks
        self._load(self._good)
        self.step, self.returns, self.looks = step, returns, looks

    def _look(self, output: torch.Tensor, wanted: torch.Tensor) -> Look:
        loss = torch.stack(self._losses).mean().item() if self._losses else float("nan")
        self._losses.clear()
        psnr = psnr_db(wanted.cpu().numpy(), output.cpu().numpy(), self.graph.spec.output_range)
        return Look(self.step, *(figure if isfinite(figure) else None for figure in (loss, psnr)))

    def _state(self) -> dict[str, Any]:
        parts = {name: copy.deepcopy(part.state_dict()) for name, part in self._parts.items()}
        return parts | {
            "step": self.step,
            "returns": self.returns,
            "least": self._least,
            "looks": [astuple(look) for look in self.looks],
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        for name, part in self._parts.items():
            part.load_state_dict(copy.deepcopy(state[name]))
            if isinstance(part, torch.optim.Optimizer):
                at_home(part, self.settings.device)
        self.learn.forget()
        self.step, self.returns, self._least = state["step"], state["returns"], state["least"]
        self.looks = [Look(*look) for look in state["looks"]]

    def save(self, path: Path) -> None:
        with atomic_path(path) as temporary:
            torch.save(self._state(), temporary)

    def resume(self, path: Path | None) -> None:
        if path is None or not path.exists():
            return
        self._load(torch.load(path, weights_only=True, map_location=self.settings.device))
        self._good = self._state()


def _drawn(network: fx.GraphModule, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, Layers]:
    """The picture, and what its tapped layers made."""
    made = network(*inputs)
    return (made, []) if isinstance(made, torch.Tensor) else (first_output(made), list(made[1:]))


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
