"""``--batch 1,4,16`` where the backend keeps a batch: an artifact for each of the numbers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from edgegan.compress.options import Options
from edgegan.compress.pipeline import Report, run
from edgegan.core.errors import GateError
from edgegan.core.progress import Progress, Silent
from edgegan.export.dynamic_batch import ONE_EACH


def run_for_each_batch(options: Options, progress: Progress | None = None, until: str = "measure") -> Report:
    """As ``pipeline.run``; for each number of ``options.batches`` by itself, into ``out/batch-N``, where no candidate's
    batch can be free: the report of the least, with the folders of all. Raises GateError as it does."""
    try:
        return run(options, progress, until)
    except GateError:
        if not options.batches or not _kept(options.out / "report.json"):
            raise
    (progress or Silent()).note(f"every candidate keeps its batch: one artifact for each of {options.batches}")
    folders = {size: options.out / f"batch-{size}" for size in dict.fromkeys(options.batches)}
    reports = [
        run(replace(options, batch=size, batches=(), out=folder), progress, until) for size, folder in folders.items()
    ]
    return replace(reports[0], folders=tuple(folders.values()))


def _kept(report: Path) -> bool:
    rows = json.loads(report.read_text())["candidates"]
    return bool(rows) and all(ONE_EACH in row["reason"] for row in rows)
