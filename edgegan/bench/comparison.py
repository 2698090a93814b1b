"""Two artifacts of one network, layer by layer: where do their activations part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

SAME_DB = 6.0
"""Below this no tensor is taken for another's counterpart: three quarters of its energy would have to be noise."""
MOST_DB = 200.0


@dataclass(frozen=True)
class Row:
    """A tensor of the reference, its counterpart in the other artifact, and the signal-to-noise ratio between them.

    ``counterpart`` and ``snr_db`` are None where the other artifact computes no such tensor (a rewritten graph has
    other intermediate steps).
    """

    tensor: str
    shape: tuple[int, ...]
    counterpart: str | None
    snr_db: float | None


def snr_db(reference: np.ndarray, values: np.ndarray) -> float:
    """10 log10 of the reference's energy around its mean over the error's; arrays of one shape."""
    signal = float(np.var(reference.astype(np.float64)))
    noise = float(np.mean((values.astype(np.float64) - reference) ** 2))
    if noise == 0:
        return MOST_DB
    return min(MOST_DB, 10 * float(np.log10(max(signal, 1e-30) / noise)))


def compare(reference: Iterable[tuple[str, np.ndarray]], other: Iterable[tuple[str, np.ndarray]]) -> list[Row]:
    """For each tensor of ``reference``, in order, the tensor of ``other`` that holds the same values best.

    Counterparts are found by their values, in either layout, and keep the order in which tensors are computed; names
    need not agree, but where they do, and for the last tensor of each, values need not. Constant tensors are left out.
    """
    ours, theirs = list(reference), list(other)
    rows, passed = [], 0
    for index, (name, values) in enumerate(ours):
        if values.size < 2 or not np.var(values) > 0:
            continue
        places = range(passed, len(theirs))
        sure = {len(theirs) - 1} if index == len(ours) - 1 else {place for place in places if theirs[place][0] == name}
        scores = [
            (snr_db(values, laid_out), place)
            for place in places
            for laid_out in _layouts(theirs[place][1], values.shape)
        ]
        best = max(scores, default=(-np.inf, -1))
        if best[0] < SAME_DB:
            best = max((pair for pair in scores if pair[1] in sure), default=(-np.inf, -1))
        if best[1] < 0:
            rows.append(Row(name, values.shape, None, None))
            continue
        passed = best[1]
        rows.append(Row(name, values.shape, theirs[best[1]][0], best[0]))
    return rows


def first_below(rows: Iterable[Row], threshold_db: float) -> Row | None:
    """The first tensor whose signal-to-noise ratio is below the threshold."""
    return next((row for row in rows if row.snr_db is not None and row.snr_db < threshold_db), None)


def _layouts(values: np.ndarray, wanted: tuple[int, ...]) -> Iterable[np.ndarray]:
    """The values as they stand, and channels-last ones channels-first, where that gives the wanted shape."""
    if values.shape == wanted:
        yield values
    if values.ndim == len(wanted) > 2 and (values.shape[0], values.shape[-1], *values.shape[1:-1]) == wanted:
        yield np.moveaxis(values, -1, 1)
    if values.ndim != len(wanted) and [d for d in values.shape if d != 1] == [d for d in wanted if d != 1]:
        yield values.reshape(wanted)
