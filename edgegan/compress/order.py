"""In which order layers go to float: by what they cost the picture in int8, and by what int8 saves in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgegan.compress.build import Workshop
from edgegan.compress.plans import Plan
from edgegan.compress.savings import saved_ms
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize.sensitivity import Layer, Simulation

FEW = 8
"""Inputs on which layers are compared with each other."""


def simulation(workshop: Workshop, plan: Plan) -> Simulation:
    """The candidate's own graph, layers counted as its backend counts them."""
    return Simulation(
        workshop.quantizable(plan), workshop.scheme(plan), workshop.subject.calibration_batches(workshop.options)
    )


def alone_db(found: Simulation, inputs: dict[str, np.ndarray]) -> list[float]:
    """PSNR of the pictures with each layer alone in int8, by ``Layer.index``, on a few of ``inputs``."""
    sample = few(inputs, found.graph.batch)
    wanted = found.run(sample, ())
    return [decibels(found, (layer.index,), sample, wanted) for layer in found.layers]


def few(inputs: dict[str, np.ndarray], batch: int) -> dict[str, np.ndarray]:
    """The first of ``inputs``, whole batches of them."""
    return {name: values[: max(batch, FEW // batch * batch)] for name, values in inputs.items()}


def decibels(found: Simulation, rounded: Sequence[int], inputs: dict[str, np.ndarray], wanted: np.ndarray) -> float:
    """PSNR to the float pictures ``wanted`` of those with those layers in int8, simulated."""
    return psnr_db(wanted, found.run(inputs, rounded), found.graph.spec.output_range)


def float_orders(errors: Sequence[float], seconds: Sequence[float] | None) -> list[list[int]]:
    """Indices of layers, the first to leave in float first: by squared error, and by squared error for the time that
    int8 saves; a layer where it saves nothing comes first of all."""
    places = range(len(errors))
    by_error = sorted(places, key=lambda i: -errors[i])
    if seconds is None:
        return [by_error]
    least = max(seconds) * 1e-3
    return [by_error, sorted(places, key=lambda i: -errors[i] / max(seconds[i], least, 1e-9))]


def times(workshop: Workshop, plan: Plan, found: Sequence[Layer], wanted: Sequence[int]) -> list[float] | None:
    """What int8 saves in every layer: measured for one of each shape among ``wanted``, by its share of the work for the
    others; None where nothing is timed here."""
    if not workshop.options.target.runs_here:
        return None
    alike: dict[tuple[str, tuple[int, ...], int], int] = {}
    for index in wanted:
        alike.setdefault(_kind(found[index]), index)
    saved = saved_ms(workshop, plan, list(alike.values()))
    if not saved:
        return None
    measured = {kind: saved[index] for kind, index in alike.items() if index in saved}
    work = sum(layer.macs for layer in found if _kind(layer) in measured)
    a_mac = sum(max(0.0, measured[_kind(layer)]) for layer in found if _kind(layer) in measured) / max(1, work)
    return [measured.get(_kind(layer), layer.macs * a_mac) for layer in found]


def _kind(layer: Layer) -> tuple[str, tuple[int, ...], int]:
    return layer.operator, layer.shape, layer.macs
