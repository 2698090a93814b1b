"""Features of real pictures outlive a run, by what the pictures and the network are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress

from edgegan.core.cache import cache_folder
from edgegan.core.errors import OutputError
from edgegan.metrics.collected import KEPT, Collected

MOST = 8
"""Sets whose features are remembered; the one that was used longest ago goes first."""


def known(pictures: str, network: str, collect: Callable[[], Collected]) -> Collected:
    """What ``collect`` gives for pictures and a network of these digests, now or from the last time."""
    name = hashlib.sha256(f"{pictures} {network} {KEPT}".encode()).hexdigest()
    try:
        folder = cache_folder() / "features"
    except OutputError:
        return collect()
    file = folder / f"{name}.npz"
    try:
        found = Collected.read(file)
        file.touch()
        return found
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError):
        file.unlink(missing_ok=True)
    found = collect()
    with suppress(OSError, OutputError):  # a cache that cannot be written costs time, no figure
        found.save(file)
        for old in sorted(folder.glob("*.npz"), key=lambda each: each.stat().st_mtime)[:-MOST]:
            old.unlink(missing_ok=True)
    return found
