"""Figures of every engine, measured side by side on the device that built them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgegan.bench.quality import paired, structural, unmeasured
from edgegan.bench.worker import Job, Outcome, run_job
from edgegan.compress.choose import judge, ranked
from edgegan.compress.rows import QUALITY, Built, Candidate, Figures
from edgegan.engine.variants import BASELINE
from edgegan.export.bundle import LEAST_PSNR_DB, Bundle

SECONDS = 3.0
"""Timed seconds an engine, as trtexec takes by default, in turns with the others."""
TF32_DB = 50.0
"""What float32 must reach on a GPU, whose convolutions read ten bits of each mantissa unless told otherwise."""
METERED, METERED_SECONDS = 4, 10.0
"""Engines whose energy is measured where the bundle prefers it."""


def measured(
    bundle: Bundle, rows: Sequence[Built], root: Path, seconds: float, told: Callable[[int, int], object]
) -> tuple[list[Candidate], dict[str, Outcome]]:
    """The candidates judged by the bundle's gate, the one named BASELINE unjudged, and what each engine did; each is
    timed for ``seconds``."""
    artifacts = {row.name: root / row.runs for row in rows if row.runs}
    job = Job(artifacts=artifacts, inputs=bundle.inputs, threads=1, timed=tuple(artifacts), seconds=seconds)
    outcomes = run_job(job, told) if artifacts else {}
    for name, outcome in outcomes.items():
        if outcome.error and len(artifacts) > 1:
            outcomes[name] = run_job(job.of(name))[name]
    return [_candidate(row, outcomes.get(row.name), bundle) for row in rows], outcomes


def metered(candidates: list[Candidate], bundle: Bundle, root: Path) -> list[Candidate]:
    """``candidates``, the fastest that pass with their energy."""
    fastest = in_order(candidates)[:METERED]
    if not fastest:
        return candidates
    artifacts = {row.name: root / str(row.built.runs) for row in fastest}
    job = Job(
        artifacts=artifacts,
        inputs=bundle.inputs,
        threads=1,
        metered=tuple(artifacts),
        metered_seconds=METERED_SECONDS,
    )
    outcomes = run_job(job)
    return [
        replace(row, figures=replace(row.figures, power=found.power, power_reason=found.power_reason or found.error))
        if (found := outcomes.get(row.name))
        else row
        for row in candidates
    ]


def in_order(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that pass, the one to keep first."""
    timed = [row for row in candidates if row.passed and row.p50_ms is not None]
    return ranked(timed, ())


def _candidate(row: Built, outcome: Outcome | None, bundle: Bundle) -> Candidate:
    if outcome is None:
        figures = Figures.missing(row.error or "it was not built")
    else:
        figures = Figures(
            latency_ms=outcome.latency_ms,
            latency_ms_reason=None if outcome.latency_ms is not None else outcome.error,
            quality=_quality(outcome, bundle),
            error=outcome.error,
        )
    candidate = Candidate(built=row, figures=figures)
    if row.name == BASELINE:
        return candidate
    gate: dict[str, Any] = bundle.description.get("gate", {})
    verdict = judge(
        candidate,
        gate.get("min_psnr_db", LEAST_PSNR_DB),
        gate.get("min_snr_db"),
        lambda: TF32_DB,
        gate.get("max_lpips"),
    )
    return replace(candidate, verdict=verdict)


def _quality(outcome: Outcome, bundle: Bundle) -> dict[str, Any]:
    if outcome.images is None:
        return {key: value for name in QUALITY for key, value in ((name, None), (f"{name}_reason", outcome.error))}
    span = bundle.output_range
    own = paired(outcome.images, bundle.images, bundle.original, span)
    elsewhere = unmeasured("measured where the generator was compressed")
    return own | structural(bundle.images, outcome.images, span) | elsewhere
