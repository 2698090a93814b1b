"""Measurements that outlive a run: small JSON tables in the user's cache folder."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgegan.core.errors import OutputError
from edgegan.core.files import write_json


def cache_folder() -> Path:
    """``$EDGEGAN_CACHE``, else ``edgegan`` in ``$XDG_CACHE_HOME`` or ``~/.cache``. OutputError without a home."""
    chosen = os.environ.get("EDGEGAN_CACHE")
    if chosen:
        return Path(chosen)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgegan"
    except RuntimeError as exc:
        raise OutputError("this user has no home; EDGEGAN_CACHE names a folder for what is measured once") from exc


def read_table(name: str) -> dict[str, Any]:
    """The table of that name; empty where there is none yet, or where the file was damaged: it is measured again."""
    try:
        table = json.loads((cache_folder() / f"{name}.json").read_text())
    except (OSError, ValueError, OutputError):
        return {}
    return table if isinstance(table, dict) else {}


def add_to_table(name: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Put ``rows`` into the table, beside what other processes put there meanwhile; a row's own keys are added to it.

    Raises OutputError where the folder cannot be written.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f".{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            table = read_table(name)
            for key, row in rows.items():
                table[key] = {**table.get(key, {}), **row}
            write_json(folder / f"{name}.json", table)
    except OSError as exc:
        raise OutputError(f"{folder} cannot be written: {exc.strerror}") from exc
