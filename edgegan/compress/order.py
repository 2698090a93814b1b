"""In which order layers go to float: by what they cost the picture in int8, and by what int8 saves in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from edgegan.compress.build import Workshop
from edgegan.compress.plan import Plan
from edgegan.compress.savings import saved_ms
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize.layers import Layer
from edgegan.quantize.sensitivity import Simulation

FEW = 8
"""Inputs on which layers are compared with each other."""


def simulation(workshop: Workshop, plan: Plan) -> Simulation:
    """The float graph that a candidate is made of, any of its layers rounded."""
    form, scheme = workshop.form(plan), workshop.scheme(plan)
    return form.once(("simulation", scheme), lambda: Simulation(form.graph, scheme, form.batches()))


def alone_db(simulated: Simulation, inputs: dict[str, np.ndarray]) -> dict[Layer, float]:
    """PSNR of the pictures with each layer alone in int8, on a few of ``inputs``."""
    sample = few(inputs, simulated.graph.batch)
    wanted = simulated.run(sample, ())
    return {layer: decibels(simulated, (layer,), sample, wanted) for layer in simulated.layers}


def few(inputs: dict[str, np.ndarray], batch: int) -> dict[str, np.ndarray]:
    """The first of ``inputs``, whole batches of them."""
    return {name: values[: max(batch, FEW // batch * batch)] for name, values in inputs.items()}


def decibels(
    simulated: Simulation, rounded: Collection[Layer], inputs: dict[str, np.ndarray], wanted: np.ndarray
) -> float:
    """PSNR to the float pictures ``wanted`` of those with those layers in int8, simulated."""
    return psnr_db(wanted, simulated.run(inputs, rounded), simulated.graph.spec.output_range)


def by_error(errors: Mapping[Layer, float]) -> list[Layer]:
    """Layers by squared error, the first to leave in float first."""
    return sorted(errors, key=lambda layer: -errors[layer])


def by_error_for_time(errors: Mapping[Layer, float], milliseconds: Mapping[Layer, float]) -> list[Layer]:
    """Layers by squared error for the time that int8 saves; one where it saves nothing comes first of all."""
    least = max(max(milliseconds.values()) * 1e-3, 1e-9)
    return sorted(errors, key=lambda layer: -errors[layer] / max(milliseconds[layer], least))


def times(
    workshop: Workshop, plan: Plan, layers: Sequence[Layer], wanted: Sequence[Layer]
) -> dict[Layer, float] | None:
    """What int8 saves in every one of ``layers``: measured for one of each shape among ``wanted``, by its share of the
    work for the others; None where nothing is timed here."""
    if not workshop.options.target.runs_here:
        return None
    alike: dict[tuple[str, tuple[int, ...], int], Layer] = {}
    for layer in wanted:
        alike.setdefault(_kind(layer), layer)
    saved = saved_ms(workshop, plan, list(alike.values()))
    if not saved:
        return None
    measured = {kind: saved[layer] for kind, layer in alike.items() if layer in saved}
    work = sum(layer.macs for layer in layers if _kind(layer) in measured)
    a_mac = sum(max(0.0, measured[_kind(layer)]) for layer in layers if _kind(layer) in measured) / max(1, work)
    return {layer: measured.get(_kind(layer), layer.macs * a_mac) for layer in layers}


def _kind(layer: Layer) -> tuple[str, tuple[int, ...], int]:
    return layer.operator, layer.shape, layer.macs
