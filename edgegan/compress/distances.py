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
from edgegan.compress.subject import DISTANCE_SAMPLES, Subject
from edgegan.compress.verdict import Verdicts
from edgegan.core.errors import MissingPackageError, first_line
from edgegan.core.progress import Progress
from edgegan.core.sampling import float_to_image
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
    verdicts: Verdicts,
    subject: Subject,
    options: Options,
    store: StageStore,
    progress: Progress,
) -> StageResult[Choice]:
    """The first of ``order`` that passes on as many pictures as it takes, and whose ``fd_lite0`` is within the gate.

    Distances are measured against real images where there are some; against fresh samples of the original where a gate
    asks for it without them; otherwise left null with the reason.
    """
    with stopwatch() as seconds:
        distances, why_none = _distances(subject, verdicts, options, store) if order else (None, "no candidate passes")
        unneeded = unmeasured(why_none or "a faster candidate was chosen before this one was needed")
        rows = [_with_quality(row, unneeded) for row in order]
        baseline = _with_quality(baseline, unneeded if distances is None else distances.of_original())
        chosen = None
        for index, row in enumerate(rows):
            progress.step(index, len(rows))
            rows[index] = verdicts.of(row)
            if rows[index].passed and distances is not None:
                rows[index] = _judged(_with_quality(rows[index], distances.of(row)), baseline, options.max_fd_ratio)
            if rows[index].passed:
                chosen = rows[index]
                break
        notes = (distances.note if distances is not None else why_none, *verdicts.notes)
        return StageResult(Choice(chosen, tuple(rows), baseline), tuple(n for n in notes if n), seconds())


def _distances(
    subject: Subject, verdicts: Verdicts, options: Options, store: StageStore
) -> tuple[_Distances | None, str | None]:
    """What measures distances, or why there is none. Raises MissingPackageError where a gate asks for them."""
    reason = _why_not(subject, options)
    if reason:
        return None, reason
    try:
        return _Distances(subject, verdicts, options, store), None
    except MissingPackageError as exc:
        if options.max_fd_ratio is not None:
            raise
        return None, first_line(exc)


def _with_quality(row: Candidate, quality: dict[str, Any]) -> Candidate:
    return replace(row, figures=replace(row.figures, quality={**row.figures.quality, **quality}))


def _judged(row: Candidate, baseline: Candidate, most: float | None) -> Candidate:
    """``row``, failed where its distance is more than ``most`` times the original's, or is not known."""
    if most is None:
        return row
    own = row.figures.quality["fd_lite0"]
    if own is None:
        return replace(row, verdict=Verdict(False, f"fd_lite0 none: {row.figures.quality['fd_lite0_reason']}"))
    ratio = own / baseline.figures.quality["fd_lite0"]
    if ratio <= most:
        return row
    reason = f"fd_lite0 is {ratio:.2f} times the original's, above the gate of {most:g}"
    return replace(row, verdict=Verdict(False, reason))


def _why_not(subject: Subject, options: Options) -> str | None:
    if options.fd_samples is not None and options.fd_samples < LEAST:
        return f"--fd-samples {options.fd_samples} is too few for a distance"
    if options.max_fd_ratio is None and subject.distance_samples(options) < LEAST:
        return "pictures enough for a distance take this network long; --fd-samples asks for it"
    if subject.graph.output_shape[1] not in (1, 3):
        return f"the feature network takes 1 or 3 channels, the output has {subject.graph.output_shape[1]}"
    if subject.data.real is None and options.max_fd_ratio is None:
        return "no real images were given (--data), and no --max-fd-ratio asked for it"
    if subject.data.real is not None and len(subject.data.real) < LEAST:
        return f"{len(subject.data.real)} real images are too few for a distance (at least {LEAST})"
    return None


class _Distances:
    """Set distances of this run, kept in the stage store as they are computed."""

    def __init__(self, subject: Subject, verdicts: Verdicts, options: Options, store: StageStore) -> None:
        self.subject, self.verdicts, self.options, self.store = subject, verdicts, options, store
        self.inputs = subject.distance_inputs(options)
        self.count = len(next(iter(self.inputs.values())))
        kind = (
            f"{len(self._real())} real images"
            if subject.data.real is not None
            else f"{self.count} fresh samples of the original"
        )
        self.note = (
            f"fd_lite0 and kid_lite0: {self.count} pictures against {kind}; compare only figures of equal counts"
        )
        self.kept = f"distances-{self.count}"
        self.known: dict[str, Any] = store.read(self.kept) or {}
        self._sets = None if {"original"} <= self.known.keys() else self._make()

    def _make(self) -> SetDistances:
        if self.subject.data.real is not None:
            return SetDistances(self._real())
        fresh = self.subject.data.inputs(self.subject.graph.spec, self.count, self.options.seed + FRESH_SEED)
        return SetDistances(self._pictures(self.subject.graph.run(fresh)))

    def _real(self) -> np.ndarray:
        assert self.subject.data.real is not None
        return self.subject.data.real[: self.options.fd_samples or DISTANCE_SAMPLES]

    def _pictures(self, images: np.ndarray) -> np.ndarray:
        return float_to_image(images, self.subject.graph.spec.output_range)

    def of_original(self) -> dict[str, Any]:
        if self.subject.is_distance_bounded(self.options):
            return self._kept("original", lambda: self.verdicts.references.first(self.count).original)
        return self._kept("original", lambda: self.subject.graph.run(self.inputs))

    def of(self, row: Candidate) -> dict[str, Any]:
        if row.built.runs is None:
            return unmeasured("only the device has this engine")
        if self.subject.is_distance_bounded(self.options):
            return self._kept(row.name, lambda: self.verdicts.pictures(row, self.count))
        artifact = self.store.path("candidates") / row.built.runs
        return self._kept(row.name, lambda: outputs(artifact, self.inputs, self.options.threads))

    def _kept(self, name: str, images: Any) -> dict[str, Any]:
        if name not in self.known:
            self._sets = self._sets or self._make()
            self.known[name] = self._sets.against(self._pictures(images())) | {
                "fd_lite0_reason": None,
                "kid_lite0_reason": None,
            }
            self.store.write(self.kept, self.known)
        distances: dict[str, Any] = self.known[name]
        return distances
