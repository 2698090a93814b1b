"""``--prefer energy``: what the fastest candidates that may pass take, measured where they were timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgegan.bench.power.contract import Unreadable
from edgegan.bench.power.find import opened
from edgegan.bench.power.meter import SECONDS
from edgegan.bench.worker import Job, run_job
from edgegan.compress.on_device import run_there
from edgegan.compress.options import Options
from edgegan.compress.references import References
from edgegan.compress.rows import Candidate
from edgegan.compress.subject import Subject
from edgegan.core.errors import DeviceError, TargetError
from edgegan.core.progress import Progress
from edgegan.core.stage import StageResult, StageStore, stopwatch

MOST = 4
"""Candidates whose energy is measured: each takes twenty seconds, and what is slow seldom takes less."""


def check_energy(options: Options) -> None:
    """Before any work: TargetError where nothing can be measured on the target, DeviceError where this machine stands
    for it and has no source of power."""
    if options.prefer != "energy":
        return
    if not options.times:
        raise TargetError(f"--prefer energy is measured on the device: {options.target.name} needs --device")
    if options.device is None:
        try:
            opened(options.target.name, options.target.runtime).close()
        except Unreadable as exc:
            raise DeviceError(f"--prefer energy: {exc}") from None


def measure_energy(
    order: Sequence[Candidate],
    subject: Subject,
    references: References,
    options: Options,
    store: StageStore,
    progress: Progress,
) -> StageResult[list[Candidate]]:
    """The first of ``order`` with their energy. Raises DeviceError where none could be measured."""
    with stopwatch() as seconds:
        chosen = list(order[:MOST])
        known = store.read("energy") or {}
        known |= {row.name: _known(row) for row in chosen if row.energy_mj is not None}
        missing = [row for row in chosen if row.name not in known and options.target.build != "device"]
        if missing:
            known |= _measured(missing, subject, references, options, store, progress)
            store.write("energy", known)
        rows = [replace(row, figures=replace(row.figures, **known.get(row.name, {}))) for row in chosen]
        if rows and all(row.energy_mj is None for row in rows):
            raise DeviceError(f"--prefer energy: {rows[0].figures.power_reason}")
        notes = [f"{row.name}: {row.energy_mj:.3g} mJ an image" for row in rows if row.energy_mj is not None]
        left = ", ".join(row.name for row in order[MOST:])
        notes += [f"energy not measured, being slower: {left}"] if left else []
        return StageResult(rows, tuple(notes), seconds())


def _known(row: Candidate) -> dict[str, object]:
    """What the device measured as it built the engines."""
    return {"power": row.figures.power, "power_reason": row.figures.power_reason}


def _measured(
    rows: Sequence[Candidate],
    subject: Subject,
    references: References,
    options: Options,
    store: StageStore,
    progress: Progress,
) -> dict[str, dict[str, object]]:
    """``power`` and ``power_reason`` by name."""
    root, wanted = store.path("candidates"), references.first(options.batch)
    artifacts = {row.name: root / row.built.runs for row in rows if row.built.runs}
    job = Job(
        artifacts=artifacts,
        inputs=wanted.inputs,
        threads=options.threads,
        metered=tuple(artifacts),
        metered_seconds=SECONDS,
    )
    if options.device is None:
        outcomes = run_job(job, progress.step)
    else:
        outcomes, _ = run_there(options.device, job, options, root, "energy", progress)
    return {
        name: {"power": outcome.power, "power_reason": outcome.power_reason or outcome.error}
        for name, outcome in outcomes.items()
    }
