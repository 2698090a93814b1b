"""What each layer loses in int8 and what that buys: ``edgegan quantize --sensitivity``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.compress.build import Workshop
from edgegan.compress.order import alone_db, simulation
from edgegan.compress.plan import Plan
from edgegan.compress.savings import saved_ms
from edgegan.core.errors import MissingPackageError, TargetError, first_line
from edgegan.core.files import write_bytes, write_json
from edgegan.core.progress import Progress
from edgegan.core.sampling import float_to_image
from edgegan.quantize.layers import Layer
from edgegan.quantize.sensitivity import Simulation

DISTANCE_SEED, DISTANCE_SAMPLES = 4_000_037, 64


def sensitivity(workshop: Workshop, plans: Sequence[Plan], progress: Progress) -> dict[str, Any]:
    """For every layer of the first int8 candidate: ``psnr_db`` and ``fd_lite0`` with it alone in int8, and
    ``saves_ms``, how much slower the candidate is with that layer in float.

    Writes ``OUT/sensitivity.json`` and ``.png``. Figures that were not measured are null with a reason. Raises
    TargetError where no int8 candidate can be built.
    """
    plan = next((p for p in plans if p.precision == "int8"), None)
    if plan is None:
        raise TargetError(
            f"{workshop.options.target.name} has no int8 candidates here, so there is nothing to quantize"
        )
    progress.stage("sensitivity")
    simulated = simulation(workshop, plan)
    inputs = workshop.subject.probe_inputs(workshop.options)
    decibels = alone_db(simulated, inputs)
    distances, distance_reason = _distances(simulated, workshop, progress)
    saved, saved_reason = _saved_ms(simulated, workshop, plan, progress)
    rows = []
    for layer in simulated.layers:
        row: dict[str, Any] = {
            "layer": layer.node,
            "operator": layer.operator,
            "shape": list(layer.shape),
            "macs": layer.macs,
            "psnr_db": decibels[layer],
        }
        for name, values, reason in (("fd_lite0", distances, distance_reason), ("saves_ms", saved, saved_reason)):
            row |= {name: None, f"{name}_reason": reason} if values is None else {name: values[layer]}
        rows.append(row)
    content = {
        "model": workshop.subject.name,
        "target": workshop.options.target.name,
        "candidate": plan.name,
        "samples": {"psnr_db": len(next(iter(inputs.values()))), "fd_lite0": DISTANCE_SAMPLES},
        "layers": rows,
    }
    write_json(workshop.options.out / "sensitivity.json", content)
    _chart(rows, workshop.options.out / "sensitivity.png")
    return content


def _distances(simulated: Simulation, workshop: Workshop, progress: Progress) -> tuple[dict[Layer, float] | None, str]:
    from edgegan.bench.quality import SetDistances

    graph = workshop.subject.graph
    if graph.output_shape[1] not in (1, 3):
        return None, f"the feature network takes 1 or 3 channels, the output has {graph.output_shape[1]}"
    count = max(1, DISTANCE_SAMPLES // graph.batch) * graph.batch
    inputs = workshop.subject.data.inputs(graph.spec, count, workshop.options.seed + DISTANCE_SEED)
    span = graph.spec.output_range
    try:
        sets = SetDistances(float_to_image(simulated.run(inputs, ()), span))
    except MissingPackageError as exc:
        return None, first_line(exc)
    values = {}
    for layer in simulated.layers:
        pictures = float_to_image(simulated.run(inputs, (layer,)), span)
        values[layer] = sets.against(pictures)["fd_lite0"]
        progress.step(layer.index + 1, len(simulated.layers))
    return values, ""


def _saved_ms(
    simulated: Simulation, workshop: Workshop, plan: Plan, progress: Progress
) -> tuple[dict[Layer, float | None] | None, str]:
    """Milliseconds more with each layer in float; None for a layer that cannot be raised."""
    if not workshop.options.target.runs_here:
        return None, f"this machine cannot run {workshop.options.target.name}"
    if len(simulated.layers) < 2:
        return None, "a network of one layer has nothing left in int8 without it"
    taken = saved_ms(workshop, plan, simulated.layers, progress)
    if not taken:
        return None, f"{plan.name} could not be built or timed"
    return {layer: taken.get(layer) for layer in simulated.layers}, ""


def _chart(rows: list[dict[str, Any]], path: Path) -> None:
    """A bar a layer: decibels with it alone in int8, and what that saves."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, max(3.0, 0.28 * len(rows) + 1.2)), layout="constrained")
    loss, gain = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(rows))
    loss.barh(places, [row["psnr_db"] for row in rows])
    loss.set(
        yticks=places,
        yticklabels=[f"{row['layer']} {'x'.join(map(str, row['shape']))}" for row in rows],
        xlabel="dB, alone in int8",
    )
    gain.barh(places, [row["saves_ms"] or 0.0 for row in rows], color="tab:green")
    gain.set(xlabel="ms that int8 saves" if any(row["saves_ms"] for row in rows) else "ms saved: not measured")
    loss.invert_yaxis()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    write_bytes(path, buffer.getvalue())
