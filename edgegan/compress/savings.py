"""What int8 buys a layer: how much slower a candidate is with that layer left in float, all timed in turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgegan.bench.worker import Job, run_job
from edgegan.compress.build import Workshop
from edgegan.compress.plans import Plan
from edgegan.core.progress import Progress, Silent
from edgegan.core.sampling import sample_inputs

SECONDS = 0.6


def saved_ms(
    workshop: Workshop, plan: Plan, layers: Sequence[int], progress: Progress | None = None
) -> dict[int, float]:
    """Milliseconds that int8 saves, by ``Layer.index``; a layer with which nothing could be built or run is left
    out."""
    whole, progress = workshop.build(plan), progress or Silent()
    if not whole["runs"]:
        return {}
    built = {"whole": workshop.root / whole["runs"]}
    for done, index in enumerate(layers):
        row = workshop.build(replace(plan, raised=frozenset({index})))
        progress.step(done + 1, len(layers))
        if row["runs"]:
            built[str(index)] = workshop.root / row["runs"]
    graph = workshop.subject.graph
    inputs = sample_inputs(graph.spec.inputs, graph.batch, 0, workshop.subject.images)
    outcomes = run_job(
        Job(artifacts=built, inputs=inputs, threads=workshop.options.threads, timed=tuple(built), seconds=SECONDS)
    )
    taken = {name: outcome.latency_ms["p50"] for name, outcome in outcomes.items() if outcome.latency_ms}
    if "whole" not in taken:
        return {}
    return {index: taken[str(index)] - taken["whole"] for index in layers if str(index) in taken}
