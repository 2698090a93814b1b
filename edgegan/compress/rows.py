"""What is known of a candidate: how it was built, what it does, whether it passes. Each is made once and never changed.

``to_json`` here is the one place where a row of ``report.json`` takes its form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from edgegan.core import schemas

UNBUILT = "the candidate could not be built"
QUALITY = ("psnr_db", "psnr_original_db", "ssim", "lpips", "fd_lite0", "kid_lite0")


@dataclass(frozen=True, kw_only=True)
class Built:
    """A candidate's files and what they are, or the ``error`` that stopped it. The baseline has neither ``formulation``
    nor ``precision``.

    ``artifact`` and ``runs``: the file to ship and the file to load for figures, relative to the candidates' folder.
    ``stand_in``: what loads the latter, in words, where it is not the target's own runtime.
    """

    name: str
    backend: str
    formulation: str | None = None
    precision: str | None = None
    precision_exceptions: Mapping[str, str] = field(default_factory=dict)
    macs: int
    params: int
    bytes_moved: int
    bytes: int | None = None
    notes: tuple[str, ...] = ()
    artifact: str | None = None
    runs: str | None = None
    stand_in: str | None = None
    error: str | None = None
    seconds: float | None = None

    @property
    def is_baseline(self) -> bool:
        return self.formulation is None

    def to_json(self) -> dict[str, Any]:
        """As a stage file keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Built:
        """Read what ``to_json`` gave."""
        known = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in content.items() if k in known} | {"notes": tuple(content["notes"])})


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Latency in milliseconds and quality of one artifact, null with a reason where they were not measured; ``error``:
    what stopped it when it ran."""

    latency_ms: Mapping[str, float] | None
    latency_ms_reason: str | None = None
    quality: Mapping[str, Any]
    error: str | None = None
    power: Mapping[str, Any] | None = None
    power_reason: str | None = None

    @classmethod
    def missing(cls, reason: str) -> Figures:
        """Of a candidate that was not built."""
        quality = {key: value for name in QUALITY for key, value in ((name, None), (f"{name}_reason", reason))}
        return cls(latency_ms=None, latency_ms_reason=reason, quality=quality)

    def to_json(self) -> dict[str, Any]:
        """As a stage file keeps it."""
        reason = {} if self.latency_ms_reason is None else {"latency_ms_reason": self.latency_ms_reason}
        return {
            "latency_ms": self.latency_ms,
            **reason,
            **self.energy(),
            "quality": dict(self.quality),
            "error": self.error,
        }

    def energy(self) -> dict[str, Any]:
        """``power``, or null with the reason; nothing where it was not asked for."""
        if self.power is None and self.power_reason is None:
            return {}
        reason = {} if self.power_reason is None else {"power_reason": self.power_reason}
        return {"power": None if self.power is None else dict(self.power), **reason}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Figures:
        """Read what ``to_json`` gave."""
        return cls(**content)


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate passes the gates, and why not, or by how much."""

    passed: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One row of the report. ``verdict`` is None for the baseline."""

    built: Built
    figures: Figures
    verdict: Verdict | None = None

    @property
    def name(self) -> str:
        return self.built.name

    @property
    def passed(self) -> bool:
        return self.verdict is not None and self.verdict.passed

    @property
    def p50_ms(self) -> float | None:
        return None if self.figures.latency_ms is None else self.figures.latency_ms["p50"]

    @property
    def energy_mj(self) -> float | None:
        """Of an image, where it was measured."""
        return None if self.figures.power is None else self.figures.power["energy_mj_per_inference"]

    @property
    def psnr_db(self) -> float | None:
        psnr: float | None = self.figures.quality["psnr_db"]
        return psnr

    @property
    def error(self) -> str | None:
        return self.built.error or self.figures.error

    def to_json(self) -> schemas.Baseline:
        """As the report has it; a ``schemas.Candidate`` where it was judged."""
        built, figures = self.built, self.figures
        row: schemas.Baseline = {
            "name": built.name,
            "artifact": built.artifact,
            "backend": built.backend,
            "precision_exceptions": dict(built.precision_exceptions),
            "macs": built.macs,
            "params": built.params,
            "bytes_moved": built.bytes_moved,
            "bytes": built.bytes,
            "notes": list(built.notes),
            "latency_ms": cast("schemas.Latency | None", figures.latency_ms),
            "quality": cast("schemas.Quality", dict(figures.quality)),
        }
        if figures.latency_ms_reason is not None:
            row["latency_ms_reason"] = figures.latency_ms_reason
        row.update(cast("Any", figures.energy()))
        if self.verdict is None:
            return row
        candidate: schemas.Candidate = {
            **row,
            "formulation": str(built.formulation),
            "precision": cast("schemas.Precision", built.precision),
            "passed": self.verdict.passed,
            "reason": self.verdict.reason,
        }
        return candidate
