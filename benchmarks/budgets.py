"""How far a generator is pruned at what distance: ``--macs-ratio`` 8, 16 and 32 on fashion-dcgan, trained for long, and
each criterion beside chance at 8 times, trained for a short while, three seeds.

fd_lite0 of 2,500 pictures against 2,500 real test pictures, as a ratio to the whole network's of the same inputs. Aims:
8 times at most 1.05, 16 times at most 1.15; 32 times is told. ``python -m benchmarks.budgets [ROW ...]`` renews rows;
each goes on where it was stopped. Needs the Debian package dataset-fashion-mnist.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import missing, publish, renewed, shared_inputs, subject
from edgegan.core.images import read_images
from edgegan.core.sampling import float_to_image
from edgegan.graph.cost import macs
from edgegan.graph.graph import Graph
from edgegan.metrics.distances import frechet_distance
from edgegan.metrics.features import Lite0Features, extract
from edgegan.prune.channels import prune, recapture, share_for_macs_ratio
from edgegan.prune.distil import distil
from edgegan.prune.how import CRITERIA, How
from edgegan.prune.place import train_device
from edgegan.prune.settings import Settings

REAL = Path("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz")
CHECKPOINTS = Path.home() / ".cache" / "edgegan-benchmarks" / "budgets"
COUNT, LONG, SHORT, SEEDS = 2500, 12000, 600, (0, 1, 2)
AIMS = {8: 1.05, 16: 1.15}


@dataclass(frozen=True)
class Row:
    """``seeds``: of the criterion and of the training, one run each."""

    ratio: int
    criterion: str
    steps: int
    seeds: tuple[int, ...] = (0,)


ROWS = {f"{ratio} times": Row(ratio, "magnitude", LONG) for ratio in (8, 16, 32)} | {
    f"8 times by {criterion}": Row(8, criterion, SHORT, SEEDS) for criterion in CRITERIA
}


def pruned(graph: Graph, row: Row, seed: int, checkpoint: Path) -> tuple[Graph, list[str]]:
    """The network after pruning and training, and what was said."""
    how = How(criterion=row.criterion, seed=seed)
    removed = prune(graph, share_for_macs_ratio(graph, row.ratio, how), how)
    settings = Settings(steps=row.steps, seed=seed, device=train_device())
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    learned = distil(graph, removed.value[1], settings, checkpoint=checkpoint)
    checkpoint.unlink(missing_ok=True)
    return recapture(learned.value, graph), [*removed.notes, *learned.notes]


def row_of(name: str) -> dict[str, Any]:
    row, (_, original) = ROWS[name], subject()
    network, inputs = Lite0Features(), shared_inputs(original, COUNT)
    real = extract(read_images(REAL, size=(32, 32), limit=COUNT), network)

    def distance(graph: Graph) -> float:
        pictures = float_to_image(graph.run(inputs), graph.spec.output_range)
        return float(frechet_distance(real, extract(pictures, network)))

    start, whole, runs = time.monotonic(), distance(original), []
    for seed in row.seeds:
        smaller, notes = pruned(original, row, seed, CHECKPOINTS / f"{name} {seed}.pt".replace(" ", "-"))
        found = distance(smaller)
        runs.append({
            "seed": seed, "macs_ratio": macs(original) / macs(smaller), "fd_lite0": found,
            "fd_ratio": found / whole, "notes": notes,
        })  # fmt: skip
        print(name, runs[-1], flush=True)
    return {
        "family": name, "criterion": row.criterion, "steps": row.steps, "whole_fd_lite0": whole, "runs": runs,
        "seconds": round(time.monotonic() - start, 1),
    }  # fmt: skip


def _mean(row: dict[str, Any]) -> float:
    return sum(run["fd_ratio"] for run in row["runs"]) / len(row["runs"])


def report(rows: list[dict[str, Any]]) -> None:
    lines = [
        [
            row["family"],
            str(row["steps"]),
            f"{row['runs'][0]['macs_ratio']:.2f}",
            ", ".join(f"{run['fd_ratio']:.3f}" for run in row["runs"]),
        ]
        for row in rows
    ]
    known = {row["family"]: row for row in rows}
    aims = missing(rows, list(ROWS))
    for ratio, aim in AIMS.items():
        if (row := known.get(f"{ratio} times")) is not None:
            aims[f"fd_lite0 at {ratio} times fewer MACs is {_mean(row):.3f} times the whole network's (aim: {aim})"] = (
                _mean(row) <= aim
            )
    chance = known.get("8 times by random")
    for criterion in CRITERIA[:-1]:
        row = known.get(f"8 times by {criterion}")
        if row is not None and chance is not None:
            aims[f"{criterion} at 8 times: {_mean(row):.3f} where chance has {_mean(chance):.3f}"] = _mean(row) < _mean(
                chance
            )
    publish(
        "budgets",
        f"fashion-dcgan, fd_lite0 of {COUNT} pictures over the whole network's",
        ["pruned", "steps", "MACs ratio", "fd_lite0 ratio, a seed each"],
        lines,
        {"rows": rows},
        aims,
    )


def main() -> None:
    for name in sys.argv[1:] or ROWS:
        report(renewed("budgets", row_of(name), list(ROWS)))


if __name__ == "__main__":
    main()
