"""Whether figures pass: conditions on them, and an earlier run that they must not fall behind."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgegan.core.errors import ArtifactError, UsageError

CONDITION = re.compile(r"^\s*([A-Za-z_][\w.]*)\s*(>=|<=|==|>|<)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*$")
HOLDS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le, "==": operator.eq,
}  # fmt: skip
COMPARED = {
    "latency_ms.p50": "latency_ms.p50_interval",
    "memory.peak_rss_mib": None,
    "memory.artifact_mib": None,
    "power.energy_mj_per_inference": None,
    "quality.psnr_db": None,
}
"""Figures that are held against the earlier run's, and where their interval is told."""
ABSENT = object()
HIGHER_IS_BETTER = frozenset({"quality.psnr_db"})
_PERCENT = re.compile(r"^\s*(\d+\.?\d*|\.\d+)\s*%?\s*$")


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was asked of a figure. ``before``: of the earlier run, None for a condition."""

    name: str
    value: float
    before: float | None = None
    failure: str | None = None
    note: str | None = None


def parse_condition(text: str) -> tuple[str, str, Callable[[float, float], bool], float]:
    """``field.field OP number`` -> (text, field path, comparison, number); UsageError where it is not of that form."""
    match = CONDITION.match(text)
    if not match:
        raise UsageError(f"--fail-if {text!r} is not a condition; write it like 'latency_ms.p50>5'")
    return text, match[1], HOLDS[match[2]], float(match[3])


def parse_share(text: str) -> float:
    """``5%`` or ``5`` -> 0.05. Raises UsageError."""
    match = _PERCENT.match(text)
    if not match:
        raise UsageError(f"--max-regression {text!r} is no percentage; write it like 5%")
    return float(match[1]) / 100


def conditions(row: Mapping[str, Any], given: Sequence[str]) -> list[Check]:
    """A check for each condition; it fails where the condition holds. Raises UsageError for a figure that there is
    not."""
    checks = []
    for text, path, holds, bound in (parse_condition(text) for text in given):
        value = _number(row, path)
        failed = holds(value, bound)
        checks.append(
            Check(
                name=f"--fail-if {text!r}",
                value=value,
                failure=f"--fail-if {text!r} holds: {path} is {value:g}" if failed else None,
            )
        )
    return checks


def read_baseline(path: Path) -> dict[str, Any]:
    """Figures of an earlier run: what ``bench --json`` wrote, or a ``report.json``, whose result is taken. Raises
    ArtifactError for anything else."""
    try:
        content = json.loads(path.read_text())
        figures = content["result"] | {k: content[k] for k in ("model", "target")} if "result" in content else content
        if not isinstance(figures["latency_ms"], dict | type(None)):
            raise TypeError("latency_ms")
    except OSError as exc:
        raise ArtifactError(f"--baseline {path}: {exc.strerror}") from exc
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise ArtifactError(f"--baseline {path} holds no figures of bench --json or report.json: {exc}") from exc
    found: dict[str, Any] = figures
    return found


def regressions(row: Mapping[str, Any], before: Mapping[str, Any], share: float) -> list[Check]:
    """A check for each figure that both runs have; it fails where the new one is worse by more than ``share`` even at
    the better end of its interval against the worse end of the earlier one's. Raises ArtifactError for a run that says
    that it is of another model or target."""
    for key in ("model", "target"):  # which figures of the first versions do not tell
        if key in row and key in before and row[key] != before[key]:
            raise ArtifactError(f"--baseline is of the {key} {before[key]!r}, and this is {row[key]!r}")
    checks = []
    for path, interval in COMPARED.items():
        now, then = _found(row, path), _found(before, path)
        if now is not None and then is not None:
            checks.append(_regression(path, now, then, _ends(row, interval, now), _ends(before, interval, then), share))
    return checks


def _regression(
    path: str, now: float, then: float, now_ends: tuple[float, float], then_ends: tuple[float, float], share: float
) -> Check:
    if path in HIGHER_IS_BETTER:
        worse, surely = now < then * (1 - share), now_ends[1] < then_ends[0] * (1 - share)
    else:
        worse, surely = now > then * (1 + share), now_ends[0] > then_ends[1] * (1 + share)
    change = f"{path} went from {then:.4g} to {now:.4g} ({(now / then - 1):+.1%}), allowed {share:.1%}"
    return Check(
        name=path,
        value=now,
        before=then,
        failure=change if surely else None,
        note=f"{change}, but within what the runs vary" if worse and not surely else None,
    )


def _ends(row: Mapping[str, Any], interval: str | None, value: float) -> tuple[float, float]:
    found = None if interval is None else _lookup(row, interval)
    return (float(found[0]), float(found[1])) if isinstance(found, list) else (value, value)


def _lookup(row: Mapping[str, Any], path: str, absent: Any = None) -> Any:
    """The figure of that path, ``absent`` where there is none."""
    value: Any = row
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return absent
        value = value[part]
    return value


def _found(row: Mapping[str, Any], path: str) -> float | None:
    value = _lookup(row, path)
    return float(value) if isinstance(value, int | float) and value > 0 else None


def _number(row: Mapping[str, Any], path: str) -> float:
    value = _lookup(row, path, ABSENT)
    if value is ABSENT:
        raise UsageError(
            f"--fail-if: there is no figure {path!r}; for example latency_ms.p50, memory.peak_rss_mib, throughput_ips"
        )
    if not isinstance(value, int | float):
        raise UsageError(f"--fail-if: {path!r} is {'not measured' if value is None else 'not a number'} here")
    return float(value)
