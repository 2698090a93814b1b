"""The gate on the whole: distances between sets of pictures, for the candidates in their order until one passes."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgegan.bench.quality import SetDistances, unmeasured
from edgegan.compress.measure import outputs
from edgegan.compress.options import Options
from edgegan.compress.subject import Subject
from edgegan.core.errors import MissingPackageError, first_line
from edgegan.core.progress import Progress
from edgegan.core.sampling import float_to_image, sample_inputs
from edgegan.core.stage import StageResult, StageStore, stopwatch

FRESH_SEED = 7_000_003
LEAST = 16


def add_distances(
    order: list[dict[str, Any]],
    baseline: dict[str, Any],
    subject: Subject,
    options: Options,
    store: StageStore,
    progress: Progress,
) -> StageResult[dict[str, Any] | None]:
    """Choose: the first of ``order`` whose ``fd_lite0`` is within the gate; its figures and the original's are filled
    in.

    Measured against real images where there are some; against fresh samples of the original where a gate asks for it
    without them; otherwise left null with the reason.
    """
    with stopwatch() as seconds:
        chosen = order[0] if order else None
        reason = _why_not(subject, options)
        for row in (*order, baseline):
            row["quality"] |= unmeasured(reason or "a faster candidate was chosen before this one was needed")
        if reason or chosen is None:
            return StageResult(chosen, (reason,) if reason else (), seconds())
        try:
            judge = _Distances(subject, options, store)
        except MissingPackageError as exc:
            for row in (*order, baseline):
                row["quality"] |= unmeasured(first_line(exc))
            if options.max_fd_ratio is not None:
                raise
            return StageResult(chosen, (first_line(exc),), seconds())
        baseline["quality"] |= judge.of_original()
        chosen = None
        for index, row in enumerate(order):
            progress.step(index, len(order))
            row["quality"] |= judge.of(row)
            ratio = row["quality"]["fd_lite0"] / baseline["quality"]["fd_lite0"]
            if options.max_fd_ratio is None or ratio <= options.max_fd_ratio:
                chosen = row
                break
            row["passed"], row["reason"] = (
                False,
                f"fd_lite0 is {ratio:.2f} times the original's, above the gate of {options.max_fd_ratio:g}",
            )
        return StageResult(chosen, (judge.note,), seconds())


def _why_not(subject: Subject, options: Options) -> str | None:
    if options.fd_samples < LEAST:
        return f"--fd-samples {options.fd_samples} is too few for a distance"
    if subject.graph.output_shape[1] not in (1, 3):
        return f"the feature network takes 1 or 3 channels, the output has {subject.graph.output_shape[1]}"
    if subject.real is None and options.max_fd_ratio is None:
        return "no real images were given (--data), and no --max-fd-ratio asked for it"
    if subject.real is not None and len(subject.real) < LEAST:
        return f"{len(subject.real)} real images are too few for a distance (at least {LEAST})"
    return None


class _Distances:
    """Set distances of this run, kept in the stage store as they are computed."""

    def __init__(self, subject: Subject, options: Options, store: StageStore) -> None:
        self.subject, self.options, self.store = subject, options, store
        self.inputs = subject.distance_inputs(options)
        self.count = len(next(iter(self.inputs.values())))
        kind = (
            f"{min(len(subject.real), options.fd_samples)} real images"
            if subject.real is not None
            else f"{self.count} fresh samples of the original"
        )
        self.note = (
            f"fd_lite0 and kid_lite0: {self.count} pictures against {kind}; compare only figures of equal counts"
        )
        self.known: dict[str, Any] = store.read("distances") or {}
        self._sets = None if {"original"} <= self.known.keys() else self._make()

    def _make(self) -> SetDistances:
        if self.subject.real is not None:
            return SetDistances(self.subject.real[: self.options.fd_samples])
        fresh = sample_inputs(
            self.subject.graph.spec.inputs, self.count, self.options.seed + FRESH_SEED, self.subject.images
        )
        return SetDistances(self._pictures(self.subject.graph.run(fresh)))

    def _pictures(self, images: np.ndarray) -> np.ndarray:
        return float_to_image(images, self.subject.graph.spec.output_range)

    def of_original(self) -> dict[str, Any]:
        return self._kept("original", lambda: self.subject.graph.run(self.inputs))

    def of(self, row: dict[str, Any]) -> dict[str, Any]:
        artifact = self.store.path("candidates") / row["runs"]
        return self._kept(row["name"], lambda: outputs(artifact, self.inputs, self.options.threads))

    def _kept(self, name: str, images: Any) -> dict[str, Any]:
        if name not in self.known:
            self._sets = self._sets or self._make()
            self.known[name] = self._sets.against(self._pictures(images())) | {
                "fd_lite0_reason": None,
                "kid_lite0_reason": None,
            }
            self.store.write("distances", self.known)
        found: dict[str, Any] = self.known[name]
        return found
