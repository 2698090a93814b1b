"""Inputs by which steps on the way are judged, before the verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgegan.compress.build import Workshop
from edgegan.graph.graph import Graph
from edgegan.metrics.pairwise import psnr_db, psnr_interval_db

MOST_SPREAD = 2.0
"""Decibels by which other pictures are taken to differ where too few are there to tell."""


@dataclass(frozen=True)
class Probe:
    """Inputs, and the float network's pictures for them."""

    inputs: dict[str, np.ndarray]
    wanted: np.ndarray
    span: tuple[float, float]

    @classmethod
    def of(cls, workshop: Workshop, network: Graph) -> Probe:
        """``network``: the float network that all candidates are made from."""
        inputs = workshop.subject.probe_inputs(workshop.options)
        return cls(inputs, network.run(inputs), network.spec.output_range)

    def first(self, count: int) -> Probe:
        """Of the first ``count`` inputs alone."""
        inputs = {name: value[:count] for name, value in self.inputs.items()}
        return Probe(inputs, self.wanted[:count], self.span)

    def psnr_db(self, images: np.ndarray) -> float:
        return psnr_db(self.wanted, images, self.span)

    def low_db(self, images: np.ndarray) -> float:
        """The least that other pictures are expected to show."""
        interval = psnr_interval_db(self.wanted, images, self.span)
        return self.psnr_db(images) - MOST_SPREAD if interval is None else interval[0]
