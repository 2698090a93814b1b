"""Steps between the float graph and its int8 form, each switched on by an option and kept only where the picture
gains."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from edgegan.core.stage import StageResult, stopwatch
from edgegan.graph.graph import Graph
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize.adaround import round_adaptively
from edgegan.quantize.bias_correction import correct_biases
from edgegan.quantize.equalize import equalize
from edgegan.quantize.scheme import Scheme
from edgegan.quantize.sensitivity import Simulation

Step = Callable[[Graph, Scheme, Iterable[tuple[Any, ...]]], StageResult[Graph]]
STEPS: dict[str, Step] = {"equalize": equalize, "adaround": round_adaptively, "bias_correction": correct_biases}
"""In the order in which they act; equalization on the cleaned graph, whose layers follow each other, the others on each
form."""


def refine(
    graph: Graph,
    steps: Iterable[str],
    scheme: Scheme,
    batches: Callable[[], Iterator[tuple[Any, ...]]],
    inputs: Mapping[str, np.ndarray],
) -> StageResult[Graph]:
    """``graph`` after those of ``steps`` that raise the PSNR of its pictures for ``inputs``, all layers in int8,
    simulated."""
    with stopwatch() as seconds:
        wanted, span = graph.run(inputs), graph.spec.output_range

        def decibels(candidate: Graph) -> float:
            simulated = Simulation(candidate, scheme, batches())
            return psnr_db(wanted, simulated.run(inputs, simulated.layers), span)

        current, notes = graph, []
        best = decibels(graph)
        for name in [step for step in STEPS if step in steps]:
            made = STEPS[name](current, scheme, batches())
            reached = decibels(made.value)
            verdict = "kept" if reached > best else "undone"
            notes.append(f"{made.notes[0]}: {best:.2f} -> {reached:.2f} dB, simulated; {verdict}")
            if reached > best:
                current, best = made.value, reached
        return StageResult(current, tuple(notes), seconds())
