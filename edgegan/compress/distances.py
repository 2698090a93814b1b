"""The gate on the whole: distances between sets of pictures, for the candidates in their order until one passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgegan.bench.quality import SetDistances, unmeasured
from edgegan.compress.measure import outputs
from edgegan.compress.options import Options
from edgegan.compress.rows import Candidate, Verdict
from edgegan.compress.subject import Subject
from edgegan.core.errors import MissingPackageError, first_line
from edgegan.core.progress import Progress
from edgegan.core.sampling import float_to_image, sample_inputs
from edgegan.core.stage import StageResult, StageStore, stopwatch

FRESH_SEED = 7_000_003
LEAST = 16


@dataclass(frozen=True)
class Choice:
    """The candidates in their order and the baseline with their distances; ``chosen`` is the first that passes all
    gates."""

    chosen: Candidate | None
    order: tuple[Candidate, ...]
    baseline: Candidate


def choose(
    order: Sequence[Candidate],
    baseline: Candidate,
    subject: Subject,
    options: Options,
    store: StageStore,
    progress: Progress,
) -> StageResult[Choice]:
    """The first of ``order`` whose ``fd_lite0`` is within the gate.

    Measured against real images where there are some; against fresh samples of the original where a gate asks for it
    without them; otherwise left null with the reason.
    """
    with stopwatch() as seconds:
        reason = _why_not(subject, options)
        why_none = reason or "a faster candidate was chosen before this one was needed"
        rows = [_with_quality(row, unmeasured(why_none)) for row in order]
        baseline = _with_quality(baseline, unmeasured(why_none))
        first = rows[0] if rows else None
        if reason or first is None:
            return StageResult(Choice(first, tuple(rows), baseline), (reason,) if reason else (), seconds())
        try:
            distances = _Distances(subject, options, store)
        except MissingPackageError as exc:
            if options.max_fd_ratio is not None:
                raise
            why_none = first_line(exc)
            rows = [_with_quality(row, unmeasured(why_none)) for row in rows]
            unjudged = Choice(rows[0], tuple(rows), _with_quality(baseline, unmeasured(why_none)))
            return StageResult(unjudged, (why_none,), seconds())
        baseline = _with_quality(baseline, distances.of_original())
        chosen = None
        for index, row in enumerate(rows):
            progress.step(index, len(rows))
            rows[index] = _judged(_with_quality(row, distances.of(row)), baseline, options.max_fd_ratio)
            if rows[index].passed:
                chosen = rows[index]
                break
        return StageResult(Choice(chosen, tuple(rows), baseline), (distances.note,), seconds())


def _with_quality(row: Candidate, quality: dict[str, Any]) -> Candidate:
    return replace(row, figures=replace(row.figures, quality={**row.figures.quality, **quality}))


def _judged(row: Candidate, baseline: Candidate, most: float | None) -> Candidate:
    """``row``, failed where its distance is more than ``most`` times the original's."""
    ratio = row.figures.quality["fd_lite0"] / baseline.figures.quality["fd_lite0"]
    if most is None or ratio <= most:
        return row
    reason = f"fd_lite0 is {ratio:.2f} times the original's, above the gate of {most:g}"
    return replace(row, verdict=Verdict(False, reason))


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

    def of(self, row: Candidate) -> dict[str, Any]:
        assert row.built.runs is not None
        artifact = self.store.path("candidates") / row.built.runs
        return self._kept(row.name, lambda: outputs(artifact, self.inputs, self.options.threads))

    def _kept(self, name: str, images: Any) -> dict[str, Any]:
        if name not in self.known:
            self._sets = self._sets or self._make()
            self.known[name] = self._sets.against(self._pictures(images())) | {
                "fd_lite0_reason": None,
                "kid_lite0_reason": None,
            }
            self.store.write("distances", self.known)
        distances: dict[str, Any] = self.known[name]
        return distances
