"""The network with its channels scaled for int8: where that was asked for, and where int8 alone does not hold the
gate."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from edgegan.compress.forms import Forms, forms
from edgegan.compress.options import Options
from edgegan.compress.refine import refine
from edgegan.compress.subject import Subject
from edgegan.core.stage import StageResult, StageStore
from edgegan.graph.graph import Graph
from edgegan.quantize.equalize import share_of_pairs
from edgegan.quantize.scheme import Scheme

LEAST_SHARE = 0.25
"""Of the layers, whose input can be scaled: with fewer the error lies elsewhere, and looking costs calibrations."""


def equalized(cleaned: Graph, subject: Subject, options: Options, scheme: Scheme) -> StageResult[Graph]:
    """The same function, scaled for int8, of a network in its native form, where its layers follow each other; the
    graph itself where its pictures do not gain."""
    return refine(
        cleaned,
        ("equalize",),
        scheme,
        lambda: subject.calibration_batches(options),
        subject.probe_inputs(options),
    )


def equalizer(
    cleaned: Graph, subject: Subject, options: Options, store: StageStore
) -> Callable[[Scheme], StageResult[Forms | None]]:
    """Makes the forms of the network scaled for int8, once for each scheme that asks for them; None where its pictures
    do not gain, or ``options`` have it equalized anyway."""

    @cache
    def made(scheme: Scheme) -> StageResult[Forms | None]:
        if options.equalize or share_of_pairs(cleaned) < LEAST_SHARE:
            return StageResult(None)
        found = equalized(cleaned, subject, options, scheme)
        is_same = found.value is cleaned
        return StageResult(None if is_same else forms(found.value, options, store).value, found.notes, found.seconds)

    return made
