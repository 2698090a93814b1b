"""Measurements that outlive a run: small JSON tables in the user's cache folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from edgegan.core.errors import OutputError
from edgegan.core.files import write_json


def cache_folder() -> Path:
    """``$EDGEGAN_CACHE``, else ``edgegan`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    chosen = os.environ.get("EDGEGAN_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgegan"


def read_table(name: str) -> dict[str, Any]:
    """The table of that name; empty where there is none yet, or where the file was damaged: it is measured again."""
    try:
        table = json.loads((cache_folder() / f"{name}.json").read_text())
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


def write_table(name: str, table: dict[str, Any]) -> None:
    """Raises OutputError where the folder cannot be written."""
    folder = cache_folder()
    try:
        write_json(folder / f"{name}.json", table)
    except OSError as exc:
        raise OutputError(f"{folder} cannot be written: {exc.strerror}") from exc
