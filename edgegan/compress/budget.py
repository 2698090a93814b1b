"""How much to prune for a latency or a size: found by building and timing what the target would run, before anything is
trained, for neither hangs on what the weights are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from edgegan.bench.worker import p50_ms
from edgegan.compress.build import Workshop
from edgegan.compress.candidates import planned
from edgegan.compress.contest import timed
from edgegan.compress.forms import forms
from edgegan.compress.options import Options
from edgegan.compress.plan import Plan
from edgegan.compress.rows import Built
from edgegan.compress.subject import Subject
from edgegan.core.errors import ModelError, TargetError
from edgegan.core.progress import Progress
from edgegan.core.stage import StageResult, StageStore, stopwatch
from edgegan.graph.graph import Graph
from edgegan.prune.channels import MOST, Pruning, heaviest

CLOSE = 0.02
"""How near to the least share of channels that does the one that is taken lies."""


@dataclass(frozen=True)
class Cost:
    """Of the fastest and of the smallest file that a network gives, all in the lowest precision that was asked for."""

    bytes: int
    latency_ms: float | None

    def within(self, options: Options) -> bool:
        if options.max_bytes is not None and self.bytes > options.max_bytes:
            return False
        return options.max_latency_ms is None or (
            self.latency_ms is not None and self.latency_ms <= options.max_latency_ms
        )

    def __str__(self) -> str:
        timed = "" if self.latency_ms is None else f"{self.latency_ms:.3f} ms, "
        return f"{timed}{self.bytes} bytes"


def share_for_budget(
    pruning: Callable[[], Pruning], subject: Subject, options: Options, store: StageStore, progress: Progress
) -> StageResult[float]:
    """The least share of channels to remove (0 to MOST) so that the budgets are met. Raises ModelError where none does,
    with the least cost there is and the layers that are left, and TargetError where nothing here times the target."""
    if options.max_latency_ms is not None and not (options.target.runs_here and options.device is None):
        raise TargetError(
            f"--max-latency-ms: this machine does not time {options.target.name}; give --macs-ratio or --max-bytes, "
            "and look at what edgegan build or bench says there"
        )
    with stopwatch() as seconds, TemporaryDirectory(dir=store.root) as folder:
        trial = _Trial(pruning, subject, options, store, Path(folder))
        notes = []

        def cost(share: float) -> Cost:
            found = trial.cost(share)
            notes.append(f"without {share:.0%} of the channels: {found}")
            progress.note(notes[-1])
            return found

        if cost(0.0).within(options):
            return StageResult(0.0, (*notes, "the budget is met without pruning"), seconds())
        least = cost(MOST)
        if not least.within(options):
            raise ModelError(
                f"{_wanted(options)} is out of reach: without {MOST:.0%} of its channels the generator still takes "
                f"{least}. What is left: {', '.join(heaviest(trial.graph(MOST)))}"
            )
        low, high = 0.0, MOST
        while high - low > CLOSE:
            middle = (low + high) / 2
            low, high = (low, middle) if cost(middle).within(options) else (middle, high)
        return StageResult(high, tuple(notes), seconds())


def over_budget(row: Built, p50_ms: float | None, options: Options) -> str | None:
    """Why a candidate's own figures do not keep the budgets; None where they do, or nothing was measured."""
    if options.max_latency_ms is not None and p50_ms is not None and p50_ms > options.max_latency_ms:
        return f"{p50_ms:.3f} ms is above --max-latency-ms {options.max_latency_ms:g}"
    if options.max_bytes is not None and row.bytes is not None and row.bytes > options.max_bytes:
        return f"{row.bytes} bytes are more than --max-bytes {options.max_bytes}"
    return None


def _wanted(options: Options) -> str:
    given = (("--max-latency-ms", options.max_latency_ms), ("--max-bytes", options.max_bytes))
    return " with ".join(f"{name} {value:g}" for name, value in given if value is not None)


class _Trial:
    """Networks pruned by a share and built in passing; each is pruned once."""

    def __init__(
        self, pruning: Callable[[], Pruning], subject: Subject, options: Options, store: StageStore, folder: Path
    ) -> None:
        formulation = "phase" if options.formulation == "auto" else options.formulation
        self.options = replace(options, formulation=formulation)
        self.subject, self.store, self.folder = subject, store, folder
        self._pruning = pruning
        self._pruned: dict[float, Graph] = {0.0: subject.graph}

    def cost(self, share: float) -> Cost:
        graphs = forms(self.graph(share), self.options, self.store).value
        workshop = Workshop(self.subject, self.options, graphs, graphs, self.folder / f"{share:.4f}")
        first: dict[str, Plan] = {plan.backend: plan for plan in reversed(self._lowest(planned(workshop)[0]))}
        built = [row for row in map(workshop.build_hastily, first.values()) if row.error is None]
        if not built:
            raise TargetError(f"no backend of {self.options.target.name} takes this generator")
        taken: dict[str, float] = {}
        if self.options.max_latency_ms is not None:
            taken = p50_ms(timed(workshop, {row.name: row.runs for row in built if row.runs}))
        sizes = [row.bytes for row in built if row.bytes is not None]
        return Cost(bytes=min(sizes), latency_ms=min(taken.values()) if taken else None)

    def _lowest(self, wanted: Sequence[Plan]) -> list[Plan]:
        """Those of the precision of fewest bits that is there."""
        for precision in ("int8", "fp16", "fp32"):
            if found := [plan for plan in wanted if plan.precision == precision]:
                return found
        return list(wanted)

    def graph(self, share: float) -> Graph:
        if share not in self._pruned:
            self._pruned[share] = self._pruning().cut(share).graph
        return self._pruned[share]
