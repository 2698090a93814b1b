"""What a run of ``compress`` is told, checked before anything is loaded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgegan import __version__
from edgegan.core.errors import TargetError, UsageError, nearest
from edgegan.core.files import sha256
from edgegan.core.target import Target
from edgegan.quantize.ranges import METHODS
from edgegan.remote.ssh import Device

PRECISIONS = ("auto", "fp32", "fp16", "int8")
FORMULATIONS = ("auto", "native", "phase")
DEFAULT_DISTILL_STEPS = 2000
DEFAULT_QAT_STEPS = 400


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of INTERFACE section 1, as Python values. ``distill_steps`` None: 2000 when pruning, else none."""

    model: str = "fashion-dcgan"
    target: Target
    out: Path
    inputs: tuple[str, ...] = ()
    output_range: tuple[float, float] | None = None
    weights: Path | None = None
    weights_key: str | None = None
    data: Path | None = None
    prune: float = 0.0
    macs_ratio: float | None = None
    distill_steps: int | None = None
    precision: str = "auto"
    formulation: str = "auto"
    min_psnr: float = 30.0
    max_fd_ratio: float | None = None
    seed: int = 0
    batch: int = 1
    threads: int = 1
    calibration_samples: int = 128
    observer: str = "auto"
    equalize: bool = False
    bias_correction: bool = False
    adaround: bool = False
    fd_samples: int = 512
    force: bool = False
    keep_candidates: bool = False
    uint8_output: bool = False
    qat: bool = False
    qat_steps: int = DEFAULT_QAT_STEPS
    weight_bits: int = 8
    device: Device | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.prune <= 0.95:
            raise UsageError(f"--prune {self.prune}: the share of channels to remove is between 0 and 0.95")
        if self.macs_ratio is not None and (self.prune or not self.macs_ratio > 1):
            raise UsageError(f"--macs-ratio {self.macs_ratio}: give a factor above 1, and not together with --prune")
        if self.precision not in PRECISIONS:
            raise UsageError(f"--precision {self.precision!r}: {nearest(self.precision, PRECISIONS)}")
        if self.observer not in METHODS:
            raise UsageError(f"--observer {self.observer!r}: {nearest(self.observer, METHODS)}")
        if self.formulation not in FORMULATIONS:
            raise UsageError(f"--formulation {self.formulation!r}: {nearest(self.formulation, FORMULATIONS)}")
        if self.weight_bits not in (4, 8):
            raise UsageError(f"--weight-bits {self.weight_bits}: 8, or 4 for candidates with such weights beside those")
        for name, least in (
            ("batch", 1),
            ("threads", 1),
            ("seed", 0),
            ("calibration_samples", 2),
            ("fd_samples", 0),
            ("qat_steps", 1),
        ):
            if getattr(self, name) < least:
                raise UsageError(f"--{name.replace('_', '-')} {getattr(self, name)}: at least {least}")
        if self.distill_steps is not None and self.distill_steps < 0:
            raise UsageError(f"--distill-steps {self.distill_steps}: at least 0")
        if self.max_fd_ratio is not None and not self.max_fd_ratio > 0:
            raise UsageError(f"--max-fd-ratio {self.max_fd_ratio}: above 0")
        if self.qat and (self.precision not in ("auto", "int8") or "int8" not in self.target.precisions):
            raise UsageError(
                f"--qat trains for int8; the target {self.target.name} takes {', '.join(self.target.precisions)} and "
                f"--precision is {self.precision}"
            )
        if self.precision != "auto" and self.precision not in self.target.precisions:
            raise TargetError(
                f"--precision {self.precision}: the target {self.target.name} takes {', '.join(self.target.precisions)}"
            )

    @property
    def times(self) -> bool:
        """Whether candidates are timed: on a device that was named, or here where this machine stands in for it."""
        return self.device is not None or self.target.runs_here

    @property
    def refinements(self) -> tuple[str, ...]:
        """Steps before int8 that were asked for, beside equalization, which acts before the graph takes its forms."""
        return tuple(name for name in ("adaround", "bias_correction") if getattr(self, name))

    @property
    def prunes(self) -> bool:
        return self.prune > 0 or self.macs_ratio is not None

    @property
    def steps(self) -> int:
        """Distillation steps that will be taken."""
        if not self.prunes:
            return 0
        return DEFAULT_DISTILL_STEPS if self.distill_steps is None else self.distill_steps

    def identity(self, weights_sha256: str, data_sha256: str | None) -> dict[str, Any]:
        """What the stage files depend on. Gates and the choice of precision are not in it: they reuse the same
        stages."""
        return {
            "edgegan": __version__,
            "model": self.model,
            "network": weights_sha256,
            "target": self.target.to_json(),
            "data": data_sha256,
            "prune": self.prune,
            "macs_ratio": self.macs_ratio,
            "distill_steps": self.steps,
            "seed": self.seed,
            "batch": self.batch,
            "threads": self.threads,
            "formulation": self.formulation,
            "uint8_output": self.uint8_output,
            "qat_steps": self.qat_steps if self.qat else 0,
            "calibration_samples": self.calibration_samples,
            "fd_samples": self.fd_samples,
            "calibration": [self.observer, self.equalize, *self.refinements],
            "weight_bits": self.weight_bits,
        } | ({"device": str(self.device)} if self.device else {})


def data_sha256(path: Path | None) -> str | None:
    """A hash over the data: of the file, or of the names and sizes in a folder."""
    if path is None:
        return None
    if path.is_file():
        return sha256(path)
    listing = "\n".join(f"{f.relative_to(path)} {f.stat().st_size}" for f in sorted(path.rglob("*")) if f.is_file())
    return hashlib.sha256(listing.encode()).hexdigest()
