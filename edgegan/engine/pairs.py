"""Pairs of quantize and dequantize that take this device longer than they save, found by building without them.

A pair costs memory traffic and may keep TensorRT from fusing layers; whether int8 saves more than that only the device
can tell. Groups of pairs are tried in the network's order, halves first: a group goes where the engine without it is
at least GAIN times as fast in the same run, as NVIDIA's own Autotune decides, and is halved where it is not.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from edgegan.bench.worker import Job, p50_ms, run_job
from edgegan.compress.rows import Built, Candidate
from edgegan.core.deadline import Deadline
from edgegan.core.errors import TargetError
from edgegan.engine.makers import Maker, TensorRtMaker
from edgegan.engine.measure import in_order
from edgegan.engine.variants import make
from edgegan.export.bundle import Bundle, Variant

GAIN = 1.02
SHARE = 1 / 3
"""Of the seconds that a candidate is timed, those of one trial."""
LEFT = "unrounded"


def without_costly(
    bundle: Bundle,
    candidates: Sequence[Candidate],
    makers: Sequence[Maker],
    root: Path,
    seconds: float,
    deadline: Deadline,
    told: Callable[[int, int], object],
) -> tuple[list[Built], list[str]]:
    """The fastest int8 engine that passes, and the same without the pairs that cost it more than they save, its files
    below ``root``, to be measured side by side; nothing where every pair stays. And what was tried, in words."""
    maker = next((maker for maker in makers if isinstance(maker, TensorRtMaker)), None)
    start = next((row for row in in_order(candidates) if _is_int8(row)), None)
    if maker is None or start is None or deadline.passed:
        return [], []
    variant = next(each for each in bundle.variants if each.name == start.name)
    try:
        every = maker.pairs(variant)
    except TargetError as exc:
        return [], [f"pairs of quantize and dequantize were not tried one by one: {exc}"]
    search = _Search(bundle, maker, variant, root, SHARE * seconds, start.built)
    waiting = deque(_halves(every))
    while waiting and not deadline.passed:
        group = waiting.popleft()
        told(search.trials, search.trials + len(waiting) + 1)
        if not search.goes(group) and len(group) > 1:
            waiting.extend(_halves(group))
    left = f"; {sum(map(len, waiting))} pairs were left untried at the end of the time" if waiting else ""
    note = (
        f"{len(search.gone)} of {len(every)} pairs of quantize and dequantize in {start.name} cost more than they "
        f"save, by {search.trials} engines without some of them{left}"
    )
    return ([start.built, search.best] if search.gone else []), [note]


class _Search:
    """The fastest so far, and the pairs that it goes without."""

    def __init__(
        self, bundle: Bundle, maker: TensorRtMaker, variant: Variant, root: Path, seconds: float, best: Built
    ) -> None:
        self.bundle, self.maker, self.variant, self.root, self.seconds = bundle, maker, variant, root, seconds
        self.best, self.gone, self.trials = best, frozenset[str](), 0

    def goes(self, group: Sequence[str]) -> bool:
        """Whether the engine is faster without ``group`` as well, which is left out then."""
        self.trials += 1
        trial = make(self.bundle, self._without(self.gone | set(group)), self.maker, self.root)
        if trial.error or not self._is_faster(trial):
            shutil.rmtree(self.root / trial.name, ignore_errors=True)
            return False
        self.best, self.gone = trial, self.gone | set(group)
        return True

    def _without(self, names: frozenset[str]) -> Variant:
        said = self.variant.described
        exceptions = dict(said.get("precision_exceptions", {})) | dict.fromkeys(sorted(names), LEFT)
        name = f"{self.variant.name}-pairs{self.trials}"
        return replace(
            self.variant, described={**said, "name": name, "precision_exceptions": exceptions}, without=names
        )

    def _is_faster(self, trial: Built) -> bool:
        artifacts = {row.name: self.root / str(row.runs) for row in (self.best, trial)}
        job = Job(
            artifacts=artifacts,
            inputs=self.bundle.inputs,
            threads=1,
            timed=tuple(artifacts),
            seconds=self.seconds,
        )
        times = p50_ms(run_job(job))
        return len(times) == 2 and times[self.best.name] >= GAIN * times[trial.name]


def _is_int8(row: Candidate) -> bool:
    return row.built.backend == TensorRtMaker.backend and row.built.precision == "int8"


def _halves(group: Sequence[str]) -> list[Sequence[str]]:
    middle = len(group) // 2
    return [half for half in (group[:middle], group[middle:]) if half]
