"""Pages that need no network: the data as JSON inside, drawn by the page's own script (``page/``).

The script draws, not Python, so that a device writes the same page with the base install.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.core.files import write_bytes
from edgegan.core.png import png
from edgegan.report.pictures import Rows, Sheet

PART = re.compile(r"\{\{([a-z.]+)\}\}")


def write_html(report: Mapping[str, Any], sheet: Sheet, path: Path, sound: Path | None = None) -> None:
    """The page of ``report``, a ``schemas.Report``; ``sound`` is a WAV of what both networks give."""
    content = {
        "kind": "run",
        "report": report,
        "before": _png(sheet.before),
        "after": None if sheet.after is None else _png(sheet.after),
        "sound": None if sound is None else _data("audio/wav", sound.read_bytes()),
    }
    write_bytes(path, page(content).encode())


def write_runs(runs: Sequence[tuple[str, Mapping[str, Any], Path | None]], path: Path) -> None:
    """The page of several runs: each its name, its report and its sheet of samples, a PNG."""
    rows = [
        {
            "name": name,
            "report": report,
            "samples": None if samples is None else _data("image/png", samples.read_bytes()),
        }
        for name, report, samples in runs
    ]
    write_bytes(path, page({"kind": "runs", "runs": rows}).encode())


def write_bench(figures: Mapping[str, Any], path: Path) -> None:
    """The page of what artifacts cost, a ``schemas.Bench``."""
    write_bytes(path, page({"kind": "bench", "bench": figures}).encode())


def write_search(search: Mapping[str, Any], path: Path) -> None:
    """The page of a search, a ``schemas.Search``."""
    write_bytes(path, page({"kind": "search", "search": search}).encode())


def page(content: Mapping[str, Any]) -> str:
    """The whole page around ``content``. Nothing in it can end the script that it lies in."""
    folder = files("edgegan.report") / "page"
    data = json.dumps(content, allow_nan=False).replace("<", "\\u003c")

    def part(match: re.Match[str]) -> str:
        return data if match[1] == "data" else (folder / match[1]).read_text(encoding="utf-8").strip()

    return PART.sub(part, (folder / "page.html").read_text(encoding="utf-8"))


def _png(rows: Rows) -> str:
    return _data("image/png", png(np.concatenate(rows)))


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
