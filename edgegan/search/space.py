"""What a trial may be told, and what of it there is for a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgegan.prune.how import REDUNDANCY

MOST, STEP = 0.8, 0.05
"""Shares of channels to remove: up to, and in steps of; trials of one share and way train one network."""
ALLOCATIONS = (0.5, REDUNDANCY, 1.0)
CRITERIA = ("magnitude", "sensitivity")


@dataclass(frozen=True)
class Point:
    """What a trial is told: share of channels, how it is shared out, which go, and the precision."""

    prune: float
    allocation: float
    criterion: str
    precision: str

    @property
    def network(self) -> Point:
        """The same with any precision: what is trained."""
        return Point(self.prune, self.allocation, self.criterion, "auto")

    @property
    def options(self) -> dict[str, Any]:
        """As options of compressing; how to prune means nothing where nothing is pruned."""
        told: dict[str, Any] = {"prune": self.prune, "precision": self.precision}
        return told | ({"allocation": self.allocation, "criterion": self.criterion} if self.prune else {})

    @property
    def folder(self) -> str:
        if not self.prune:
            return "whole"
        return f"{self.criterion}-{self.allocation:.2f}-{self.prune:.2f}"


def suggested(trial: Any, precisions: Sequence[str]) -> Point:
    """What Optuna's ``trial`` proposes."""
    prune = round(trial.suggest_float("prune", 0.0, MOST, step=STEP), 2)
    return Point(
        prune=prune,
        allocation=trial.suggest_categorical("allocation", ALLOCATIONS),
        criterion=trial.suggest_categorical("criterion", CRITERIA),
        precision=trial.suggest_categorical("precision", list(precisions)),
    )


def as_params(prune: float, precision: str) -> dict[str, Any]:
    """A point as Optuna's parameters, the rest as compressing has it."""
    return {"prune": prune, "allocation": REDUNDANCY, "criterion": CRITERIA[0], "precision": precision}
