"""How far generators are pruned at what distance: ``--macs-ratio`` 8, 16 and 32 on fashion-dcgan, 10, 20 and 40 on
fashion-cyclegan and fashion-pix2pix, 4 on sr-compact, trained for long; and each criterion beside chance, trained for a
short while, three seeds.

fd_lite0 against real pictures, as a ratio to the whole network's of the same inputs; of sr-compact the decibels that
photographs lose. The highest budgets have no aim and are told. ``python -m benchmarks.budgets [--jobs N] [ROW ...]``
renews rows, N at a time; each goes on where it was stopped. On a GPU where there is one.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.budget_subjects import SUBJECTS, Subject
from benchmarks.common import THREADS, missing, publish, renewed
from edgegan.graph.cost import macs
from edgegan.graph.graph import Graph
from edgegan.prune.channels import Pruning, recapture
from edgegan.prune.distil import distil
from edgegan.prune.how import CRITERIA, How
from edgegan.prune.place import train_device
from edgegan.prune.settings import Settings

CHECKPOINTS = Path.home() / ".cache" / "edgegan-benchmarks" / "budgets"
SHORT, SEEDS = 600, (0, 1, 2)
PAIRED = {"features": 20.0}
"""More of what the critic makes of both pictures: what helped most of all losses, allocations and criteria."""


@dataclass(frozen=True)
class Row:
    """``aim``: the most of the figure's ratio to the whole network's, of sr-compact of the decibels lost; None: told.
    ``learning``: of Settings. ``seeds``: of the criterion and of the training, one run each."""

    subject: str
    ratio: int
    aim: float | None
    steps: int
    learning: dict[str, Any] = field(default_factory=dict)
    criterion: str = "magnitude"
    seeds: tuple[int, ...] = (0,)


def _fashion(subject: str, steps: int, aims: dict[int, float | None], **learning: Any) -> dict[str, Row]:
    return {
        f"{subject}, {ratio} times": Row(subject, ratio, aim, steps, PAIRED | learning) for ratio, aim in aims.items()
    }


ROWS = {
    **_fashion("fashion-dcgan", 25000, {8: 1.05, 16: 1.15, 32: None}, batch=256),
    **_fashion("fashion-cyclegan", 12000, {10: 1.05, 20: 1.15, 40: None}),
    **_fashion("fashion-pix2pix", 12000, {10: 1.05, 20: 1.15, 40: None}),
    "sr-compact, 4 times": Row(
        "sr-compact", 4, 0.3, 12000, {"pixels": 1.0, "features": 0.0, "adversarial": 0.0, "batch": 32}
    ),
    **{
        f"fashion-dcgan, 8 times by {criterion}": Row("fashion-dcgan", 8, None, SHORT, criterion=criterion, seeds=SEEDS)
        for criterion in CRITERIA
    },
}


def learnt(subject: Subject, row: Row, seed: int, checkpoint: Path) -> tuple[Graph, list[str]]:
    """The network after pruning and training, and what was said."""
    pruning = Pruning(subject.graph, How(criterion=row.criterion, seed=seed))
    removed = pruning.pruned(pruning.share_for(row.ratio))
    settings = Settings(steps=row.steps, seed=seed, device=train_device(), checkpoint_every=500, **row.learning)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    learned = distil(subject.graph, removed.value[1], settings, subject.images, checkpoint)
    checkpoint.unlink(missing_ok=True)
    return recapture(learned.value, subject.graph), [*removed.notes, *learned.notes]


def row_of(name: str) -> dict[str, Any]:
    torch.set_num_threads(THREADS)
    row, start, runs = ROWS[name], time.monotonic(), []
    subject = SUBJECTS[row.subject]()
    whole = subject.judge(subject.graph.run(subject.inputs))
    for seed in row.seeds:
        smaller, notes = learnt(subject, row, seed, CHECKPOINTS / f"{name} {seed}.pt".replace(" ", "-"))
        found = subject.judge(smaller.run(subject.inputs))
        runs.append({
            "seed": seed, "macs_ratio": macs(subject.graph) / macs(smaller), subject.figure: found,
            "kept": whole - found if subject.figure == "psnr_db" else found / whole, "notes": notes,
        })  # fmt: skip
        print(name, json.dumps(runs[-1]), flush=True)
    return {
        "family": name, "criterion": row.criterion, "steps": row.steps, "learning": row.learning,
        "figure": subject.figure, "whole": whole, "runs": runs, "seconds": round(time.monotonic() - start, 1),
    }  # fmt: skip


def _mean(row: dict[str, Any]) -> float:
    return float(sum(run["kept"] for run in row["runs"]) / len(row["runs"]))


def report(rows: list[dict[str, Any]]) -> None:
    lines = [
        [
            row["family"],
            str(row["steps"]),
            f"{row['runs'][0]['macs_ratio']:.2f}",
            f"{row['whole']:.2f}",
            ", ".join(f"{run[row['figure']]:.2f} ({run['kept']:.3f})" for run in row["runs"]),
        ]
        for row in rows
    ]
    known = {row["family"]: row for row in rows}
    aims = missing(rows, list(ROWS))
    for name, row in ROWS.items():
        if row.aim is None or name not in known:
            continue
        found = known[name]
        what = "dB lost to the photographs" if found["figure"] == "psnr_db" else "times the whole network's distance"
        aims[f"{name} fewer MACs: {_mean(found):.3f} {what} (aim: {row.aim})"] = _mean(found) <= row.aim
    by = {criterion: known.get(f"fashion-dcgan, 8 times by {criterion}") for criterion in CRITERIA}
    chance = by.pop("random")
    for criterion, row_by in by.items():
        if row_by is not None and chance is not None:
            told = f"{criterion} at 8 times: {_mean(row_by):.3f} where chance has {_mean(chance):.3f}"
            aims[told] = _mean(row_by) < _mean(chance)
    publish(
        "budgets",
        "figure (its ratio to the whole network's; decibels lost), a seed each",
        ["pruned", "steps", "MACs ratio", "whole", "pruned"],
        lines,
        {"rows": rows},
        aims,
    )


def main() -> None:
    names, jobs = sys.argv[1:], 1
    if names[:1] == ["--jobs"]:
        names, jobs = names[2:], int(names[1])
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=1) as pool:
        for row in pool.imap_unordered(row_of, names or list(ROWS)):
            report(renewed("budgets", row, list(ROWS)))


if __name__ == "__main__":
    main()
