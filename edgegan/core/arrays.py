"""Arrays from files that NumPy wrote, or that only say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.core.errors import GeneratorError, UsageError, first_line


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An ``.npy`` as its array, an ``.npz`` as an archive whose arrays are read when they are asked for; nothing in
    either is run. Whatever goes wrong within the block, in whichever library, is a UsageError."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            yield loaded
        else:
            with loaded:
                yield loaded
    except GeneratorError:
        raise
    except Exception as exc:
        raise UsageError(f"--data {path}: cannot be read as NumPy data ({first_line(exc)})") from exc


def array_of(archive: Any, name: str) -> np.ndarray:
    """One array of an archive; ValueError for an entry that is something else."""
    found = archive[name]
    if not isinstance(found, np.ndarray):
        raise ValueError(f"{name} is no array")
    return found
