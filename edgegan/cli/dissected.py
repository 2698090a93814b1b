"""``edgegan show --dissect``: what each channel draws, and what of it pruning would take."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgegan.core.errors import UsageError
from edgegan.core.files import write_json
from edgegan.core.images import enlarged, grid, write_png
from edgegan.core.sampling import float_to_image

if TYPE_CHECKING:
    from edgegan.bench.drawing import Drawer
    from edgegan.core.progress import Progress
    from edgegan.prune.dissection import Dissection, Unit

SHOWN, ROWS, DIM = 4, 12, 0.25
"""Pictures in a row before and after, rows of the sheet, and how bright a picture is where its unit is not active."""


def dissected(
    drawer: Drawer, prune: float, criterion: str, most: int, seed: int, out: Path, progress: Progress
) -> list[dict[str, Any]]:
    """Write ``dissection.json`` and ``dissection.png`` below ``out``; returns a row for each layer.

    ``prune``: the share of channels whose going is told, 0 for none.
    """
    from edgegan.graph.capture import capture
    from edgegan.prune.channels import removed_channels
    from edgegan.prune.dissection import dissect, most_pictures
    from edgegan.prune.how import How

    if drawer.module is None:
        raise UsageError(f"--dissect: {drawer.name} is an artifact, whose channels cannot be switched off")
    count = most_pictures(capture(drawer.module, drawer.spec))
    graph = capture(drawer.module, drawer.spec, count)
    found = dissect(graph, seed, drawer.images, most, progress.step)
    gone = removed_channels(graph, prune, How(criterion=criterion, seed=seed)) if prune else None
    rows = [_layer(layer, [u for u in found.units if u.layer == layer], gone) for layer in found.ends]
    write_json(
        out / "dissection.json",
        {
            "model": drawer.name,
            "pictures": count,
            "prune": prune or None,
            "layers": rows,
            "units": [vars(unit) | _removal(unit, gone) for unit in found.units],
        },
    )
    write_png(out / "dissection.png", _sheet(found))
    return rows


def _removal(unit: Unit, gone: dict[str, list[int]] | None) -> dict[str, Any]:
    return {} if gone is None else {"removed": unit.channel in gone.get(unit.layer, ())}


def _layer(layer: str, units: list[Unit], gone: dict[str, list[int]] | None) -> dict[str, Any]:
    """What a layer's units draw, and which share of what they do would go with those that pruning takes."""
    row: dict[str, Any] = {
        "layer": layer,
        "channels": len(units),
        "segments": dict(Counter(unit.segment for unit in units).most_common()),
    }
    if gone is None:
        return row
    taken = [unit for unit in units if unit.channel in gone.get(layer, ())]
    whole = sum(unit.estimate for unit in units)
    return row | {
        "removed": len(taken),
        "removed_segments": dict(Counter(unit.segment for unit in taken).most_common()),
        "removed_effect": sum(unit.estimate for unit in taken) / whole if whole else 0.0,
    }


def _sheet(found: Dissection) -> np.ndarray:
    """A row for each of the units that change the picture most, the strongest of every segment first: pictures where
    only what it is active on is bright, and the same without it."""
    measured = sorted((u for u in found.units if u.effect is not None), key=lambda u: u.effect or 0.0, reverse=True)
    first = list({unit.segment: unit for unit in reversed(measured)}.values())
    first.sort(key=lambda u: u.effect or 0.0, reverse=True)
    rows = [_row(found, unit) for unit in (first + [u for u in measured if u not in first])[:ROWS]]
    return grid(enlarged(np.concatenate(rows), 64), 2 * SHOWN)


def _row(found: Dissection, unit: Unit) -> np.ndarray:
    """The pictures on which ``unit`` is most active: uint8 (2 * SHOWN, H, W, C)."""
    maps = found.map(unit)
    best = np.resize(np.argsort(maps.max((1, 2)))[::-1], SHOWN)
    pictures = float_to_image(found.pictures[best], found.span)
    active = _spread(maps[best] > np.quantile(maps, 0.9), pictures.shape[1:3])
    bright = (pictures * np.where(active, 1.0, DIM)[..., None]).astype(np.uint8)
    return np.concatenate([bright, float_to_image(found.without(unit)[best], found.span)])


def _spread(masks: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """bool (N, h, w) at the pictures' size, by the nearest."""
    rows = np.arange(size[0]) * masks.shape[1] // size[0]
    columns = np.arange(size[1]) * masks.shape[2] // size[1]
    return masks[:, rows][:, :, columns]
