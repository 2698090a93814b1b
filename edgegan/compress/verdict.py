"""The verdict: a candidate is held against the gate on as many pictures as it takes, the first that passes is chosen.

Every candidate was compared on a few pictures. In their order, those that may pass are compared on more, four times as
many each time, until the interval of the PSNR is narrow or lies on one side of the gate, or no more are to be had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgegan.compress.budget import over_budget
from edgegan.compress.choose import judge
from edgegan.compress.measure import compared, outputs
from edgegan.compress.options import Options
from edgegan.compress.references import References
from edgegan.compress.rows import Candidate, Verdict
from edgegan.compress.subject import Subject
from edgegan.core.deadline import Deadline
from edgegan.core.stage import StageStore

NARROW = 0.5
"""Decibels from the lower end of the interval to the upper at which more pictures are not asked for."""


def judged(row: Candidate, options: Options, references: References) -> Verdict:
    """Whether the candidate holds every gate and budget of ``options``."""
    verdict = judge(
        row, options.min_psnr, options.min_snr, references.exact_db, options.max_lpips, decides=references.decides
    )
    reason = over_budget(row.built, row.p50_ms, options) if verdict.passed else None
    return verdict if reason is None else Verdict(False, reason)


class Verdicts:
    """Judges candidates one by one; what was compared is kept in the stage store. ``notes``: what
    each was found to have."""

    def __init__(
        self, subject: Subject, references: References, options: Options, store: StageStore, deadline: Deadline
    ) -> None:
        self.subject, self.references, self.options, self.store = subject, references, options, store
        self.deadline = deadline
        self._known: dict[str, Any] = store.read("verdicts") or {}
        self.notes: list[str] = []
        self._made: tuple[str, np.ndarray | None] = "", None

    def of(self, row: Candidate) -> Candidate:
        """``row`` with the figures of as many pictures as it takes, judged by them. On a device no more are asked for
        than every candidate was compared on."""
        if self.options.device is None and row.error is None:
            quality = dict(row.figures.quality)
            if row.name in self._known:
                quality |= self._known[row.name]
            else:
                while self._is_open(quality) and (count := self._next(quality)) is not None:
                    wanted = self.references.first(count)
                    figures = compared(row.built, wanted, self.pictures(row, len(wanted.network)))
                    quality |= figures
                    self._known[row.name] = figures
                    self.store.write("verdicts", self._known)
            row = replace(row, figures=replace(row.figures, quality=quality))
            self._tell(row)
        return replace(row, verdict=judged(row, self.options, self.references))

    def _is_open(self, quality: dict[str, Any]) -> bool:
        """Whether more pictures may decide, and may be asked for."""
        interval = quality.get("psnr_interval_db")
        return interval is not None and not self.deadline.passed and self._is_wide(*interval)

    def _is_wide(self, low: float, high: float) -> bool:
        """Whether the gate lies within a wide interval, or below it."""
        return bool(high >= self.options.min_psnr and high - low > NARROW)

    def _next(self, quality: dict[str, Any]) -> int | None:
        """On how many pictures to compare next."""
        done, most = quality["compared_pictures"], self.subject.most_checked(self.options)
        return None if done >= most else min(4 * done, most)

    def pictures(self, row: Candidate, count: int) -> np.ndarray:
        """The candidate's for the first ``count`` check inputs. Those of the candidate that was last asked for are
        kept."""
        assert row.built.runs is not None
        name, known = self._made
        done = len(known) if known is not None and name == row.name else 0
        if done < count:
            inputs = self.subject.check_inputs(self.options, count)
            rest = {name: value[done:] for name, value in inputs.items()}
            new = outputs(self.store.path("candidates") / row.built.runs, rest, self.options.threads)
            known = new if known is None or not done else np.concatenate([known, new])
            self._made = row.name, known
        assert known is not None
        return known[:count]

    def _tell(self, row: Candidate) -> None:
        quality = row.figures.quality
        interval = quality.get("psnr_interval_db")
        if interval is None:
            return
        low, high = interval
        why = self._why_no_more(quality) if self._is_wide(low, high) else ""
        self.notes.append(
            f"{row.name}: {quality['psnr_db']:.1f} dB over {quality['compared_pictures']} pictures, over as many "
            f"others {low:.1f} to {high:.1f}{why}"
        )

    def _why_no_more(self, quality: Mapping[str, Any]) -> str:
        if self.deadline.passed:
            return "; the time budget allows no more"
        data = self.subject.data
        done = quality["compared_pictures"]
        if data.count is not None and done >= data.count - data.calibrating:
            return "; --data has no more"
        return "; more would take long" if done >= self.subject.most_checked(self.options) else ""
