"""What int8 buys a layer: how much slower a candidate is with that layer left in float, all timed in turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgegan.bench.worker import Job, p50_ms, run_job
from edgegan.compress.build import Workshop
from edgegan.compress.plan import Plan
from edgegan.core.progress import Progress, Silent
from edgegan.quantize.layers import Layer

SECONDS = 0.6
WHOLE = "whole"


def saved_ms(
    workshop: Workshop, plan: Plan, layers: Sequence[Layer], progress: Progress | None = None
) -> dict[Layer, float]:
    """Milliseconds that int8 saves, by layer; one with which nothing could be built or run is left out."""
    whole, progress = workshop.build(plan), progress or Silent()
    if not whole.runs:
        return {}
    artifacts = {WHOLE: workshop.root / whole.runs}
    for done, layer in enumerate(layers):
        row = workshop.build(replace(plan, raised_layers=frozenset({layer})))
        progress.step(done + 1, len(layers))
        if row.runs:
            artifacts[layer.node] = workshop.root / row.runs
    graph, threads = workshop.subject.graph, workshop.options.threads
    inputs = workshop.subject.data.inputs(graph.spec, graph.batch, 0)
    job = Job(artifacts=artifacts, inputs=inputs, threads=threads, timed=tuple(artifacts), seconds=SECONDS)
    taken = p50_ms(run_job(job))
    if WHOLE not in taken:
        return {}
    return {layer: taken[layer.node] - taken[WHOLE] for layer in layers if layer.node in taken}
