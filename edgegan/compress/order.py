"""In which order layers go to float: by what they cost the picture in int8, and by that for the work they do."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping

import numpy as np

from edgegan.compress.build import Workshop
from edgegan.compress.plan import Plan
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize.layers import Layer
from edgegan.quantize.sensitivity import Simulation

FEW = 8
"""Inputs on which layers are compared with each other."""
RANGES = 16
"""Calibration inputs whose ranges a simulation rounds by."""


def simulation(workshop: Workshop, plan: Plan) -> Simulation:
    """The float graph that a candidate is made of, any of its layers rounded."""
    form, scheme = workshop.form(plan), workshop.scheme(plan)
    batches = itertools.islice(form.batches(), max(1, RANGES // form.graph.batch))
    return form.once(("simulation", scheme), lambda: Simulation(form.graph, scheme, batches))


def alone_db(simulated: Simulation, inputs: dict[str, np.ndarray]) -> dict[Layer, float]:
    """PSNR of the pictures with each layer alone in int8, on a few of ``inputs``."""
    sample = few(inputs, simulated.graph.batch)
    wanted = simulated.run(sample, ())
    return {layer: decibels(simulated, (layer,), sample, wanted) for layer in simulated.layers}


def few(inputs: dict[str, np.ndarray], batch: int, count: int = FEW) -> dict[str, np.ndarray]:
    """The first ``count`` of ``inputs``, whole batches of them."""
    return {name: values[: max(batch, count // batch * batch)] for name, values in inputs.items()}


def decibels(
    simulated: Simulation, rounded: Collection[Layer], inputs: dict[str, np.ndarray], wanted: np.ndarray
) -> float:
    """PSNR to the float pictures ``wanted`` of those with those layers in int8, simulated."""
    return psnr_db(wanted, simulated.run(inputs, rounded), simulated.graph.spec.output_range)


def by_error(errors: Mapping[Layer, float]) -> list[Layer]:
    """Layers by squared error, the first to leave in float first."""
    return sorted(errors, key=lambda layer: -errors[layer])


def by_error_for_work(errors: Mapping[Layer, float]) -> list[Layer]:
    """Layers by squared error for their multiply-accumulates, in which lies what int8 saves."""
    return sorted(errors, key=lambda layer: -errors[layer] / max(1, layer.macs))
