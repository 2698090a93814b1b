"""What a search leaves: ``search.json``, ``search.html``, and the artifact of a point that was picked."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from edgegan.bench.environment import environment
from edgegan.compress.write import clear
from edgegan.core.errors import UsageError
from edgegan.core.files import write_json
from edgegan.report.html import write_search
from edgegan.search.study import Search, front_of
from edgegan.search.trial import COMPLETE, Trial

if TYPE_CHECKING:
    from edgegan.core import schemas


def write(search: Search, trials: Sequence[Trial], model: str) -> schemas.Search:
    """Write both files; returns what stands in the first."""
    out = search.options.out
    content: schemas.Search = {
        "schema": 1,
        "model": model,
        "target": search.options.target.name,
        "seed": search.options.seed,
        "environment": environment(search.options.threads),
        "cost": search.cost,
        "quality": search.quality,
        "trials": cast("list[schemas.Trial]", [trial.to_json() for trial in trials]),
        "front": front_of(list(trials), search),
    }
    write_json(out / "search.json", content)
    write_search(content, out / "search.html")
    return content


def pick(search: Search, trials: Sequence[Trial], number: int) -> str:
    """Copy the artifact of trial ``number``, with its manifest, report and pictures, to OUT; returns the artifact's
    name there. Raises UsageError where that trial has none."""
    trial = next((t for t in trials if t.number == number), None)
    if trial is None or trial.state != COMPLETE or trial.artifact is None:
        there = ", ".join(str(t.number) for t in trials if t.state == COMPLETE)
        raise UsageError(f"--pick {number}: no trial of that number was compressed; there are {there or 'none'}")
    out = search.options.out
    artifact = out / trial.artifact
    clear(out)
    for file in artifact.parent.iterdir():
        shutil.copyfile(file, out / file.name)
    return artifact.name
