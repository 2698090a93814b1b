"""Files of ``/sys`` and ``/proc``, which come and go and may not be readable."""

from __future__ import annotations

from pathlib import Path


def text(file: Path) -> str | None:
    """What a file holds, without white space around; None where it cannot be read."""
    try:
        return file.read_text().strip()
    except OSError:
        return None
