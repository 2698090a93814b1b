"""Pictures of the float networks, with which those of candidates are compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgegan.compress.choose import EXACT
from edgegan.compress.options import Options
from edgegan.compress.subject import Subject
from edgegan.graph.check import single_and_double
from edgegan.graph.graph import Graph
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize.decisions import decides

EXACT_BYTES, LOSS = 55.0, 10.0
"""Decibels that pictures of bytes have, where floats have EXACT; a network whose own float32 is less exact than that is
allowed LOSS below it."""


@dataclass(frozen=True)
class Wanted:
    """Pictures (N, C, H, W) for ``inputs``: of the ``original``, and of the ``network`` that candidates were made
    from."""

    inputs: dict[str, np.ndarray]
    original: np.ndarray
    network: np.ndarray
    span: tuple[float, float]


class References:
    """Pictures of the original, and of the ``network`` that candidates were made from, for the check inputs: made as
    they are asked for, then kept."""

    def __init__(self, subject: Subject, network: Graph, options: Options) -> None:
        self.subject, self.network, self.options = subject, network, options
        self._original: np.ndarray | None = None
        self._own: np.ndarray | None = None
        self._exact_db: float | None = None

    def first(self, count: int | None = None) -> Wanted:
        """Those of the first ``count`` inputs, of as many as every candidate is compared on where None."""
        inputs = self.subject.check_inputs(self.options, count)
        self._original = _more(self.subject.graph, inputs, self._original)
        same = self.network is self.subject.graph
        self._own = self._original if same else _more(self.network, inputs, self._own)
        there = len(next(iter(inputs.values())))
        return Wanted(inputs, self._original[:there], self._own[:there], self.subject.graph.spec.output_range)

    @cached_property
    def decides(self) -> bool:
        """Whether the network chooses among codes or places."""
        return decides(self.network)

    def exact_db(self) -> float:
        """The PSNR below which a float32 file computes something else than the network; found when it is asked for."""
        if self.options.uint8_output:
            return EXACT_BYTES
        if self._exact_db is None:
            single, double = single_and_double(self.network)
            self._exact_db = min(EXACT, psnr_db(double, single, self.network.spec.output_range) - LOSS)
        return self._exact_db


def _more(graph: Graph, inputs: dict[str, np.ndarray], known: np.ndarray | None) -> np.ndarray:
    """``graph``'s pictures for all of ``inputs``, of whose beginning some are ``known``."""
    done = 0 if known is None else len(known)
    if known is not None and done >= len(next(iter(inputs.values()))):
        return known
    new = graph.run({name: value[done:] for name, value in inputs.items()})
    return new if known is None else np.concatenate([known, new])
