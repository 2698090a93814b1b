"""``report.json``, of compress and build."""

from __future__ import annotations

from typing import Literal

from typing_extensions import NotRequired, TypedDict

from edgegan.core.schemas.manifest import Precision
from edgegan.core.schemas.measured import Environment, Latency, Power, Quality


class Baseline(TypedDict):
    """The uncompressed model in the target's own runtime, converted the plain way."""

    name: str
    artifact: str | None
    """Where the file lies, from the output folder or among the stages."""
    backend: str
    precision_exceptions: dict[str, str]
    macs: int
    """Multiply-accumulates of one sample."""
    params: int
    bytes_moved: int
    """What its operators read and write, each by itself."""
    bytes: int | None
    notes: list[str]
    latency_ms: Latency | None
    latency_ms_reason: NotRequired[str]
    power: NotRequired[Power | None]
    """Of the fastest candidates, where --prefer energy asks for it."""
    power_reason: NotRequired[str]
    quality: Quality


class Candidate(Baseline):
    """One artifact that was built, or could not be."""

    formulation: str
    """Form of the graph: native, phase, auto, with -nhwc where channels come last."""
    precision: Precision
    passed: bool
    reason: str
    """By how much it passes its gates, or why not."""


class Result(Candidate):
    """The chosen candidate."""

    speedup: float | None
    """Over the baseline."""


class Stage(TypedDict):
    """One step of the run."""

    name: str
    seconds: float
    notes: list[str]


class LayerRow(TypedDict):
    """What became of a convolution or linear layer."""

    name: str
    operator: str
    channels: int
    """Of its output, in the original."""
    kept: int
    precision: str


class TrainingLook(TypedDict):
    """How distillation stood after so many steps."""

    step: int
    loss: float | None
    psnr_db: float | None
    """Null where it was no number. Of the student's pictures to the original's."""


class Report(TypedDict):
    """``report.json``: everything that a run found."""

    schema: Literal[1]
    model: str
    target: str
    seed: int
    environment: Environment
    warnings: list[str]
    baseline: Baseline
    stages: list[Stage]
    candidates: list[Candidate]
    result: Result | None
    """Null where no candidate passed its gates."""
    command: NotRequired[str]
    """That gives the same run."""
    training: NotRequired[list[TrainingLook]]
    """Left out where nothing was pruned, or not trained."""
    layers: NotRequired[list[LayerRow]]
    """In the order in which they run; left out where the chosen network has others than the original."""
