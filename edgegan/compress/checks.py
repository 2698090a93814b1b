"""What values options may have, and which go together: checked before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgegan.core.backends import backend
from edgegan.core.errors import TargetError, UsageError, nearest
from edgegan.prune.how import CRITERIA
from edgegan.prune.settings import weights_of
from edgegan.quantize.ranges import METHODS

if TYPE_CHECKING:
    from edgegan.compress.options import Options

PRECISIONS = ("auto", "fp32", "fp16", "int8")
PREFERENCES = ("latency", "energy")
FORMULATIONS = ("auto", "native", "phase")
WEIGHT_BITS = (8, 4)
TRAIN_DEVICES = ("cuda", "mps", "cpu")
LEAST = {
    "drop_blocks": 0,
    "batch": 1,
    "threads": 1,
    "seed": 0,
    "calibration_samples": 2,
    "fd_samples": 0,
    "qat_steps": 1,
}


def check(options: Options) -> None:
    """Raises UsageError naming the option and the way out, TargetError for a precision that the target does not
    take."""
    if not 0 <= options.prune <= 0.95:
        raise UsageError(f"--prune {options.prune}: the share of channels to remove is between 0 and 0.95")
    if options.macs_ratio is not None and (options.prune or not options.macs_ratio > 1):
        raise UsageError(f"--macs-ratio {options.macs_ratio}: give a factor above 1, and not together with --prune")
    if options.has_budget and (options.prune or options.macs_ratio):
        raise UsageError("--max-latency-ms and --max-bytes say how much to prune: leave --prune and --macs-ratio out")
    for name, bound in (("max-latency-ms", options.max_latency_ms), ("max-bytes", options.max_bytes)):
        if bound is not None and not bound > 0:
            raise UsageError(f"--{name} {bound:g}: above 0")
    if options.train_device is not None and options.train_device not in TRAIN_DEVICES:
        raise UsageError(f"--train-device {options.train_device!r}: {nearest(options.train_device, TRAIN_DEVICES)}")
    weights_of(options.losses)
    if not 0 < options.allocation <= 2:
        raise UsageError(f"--allocation {options.allocation:g}: above 0, at most 2")
    for name, known in (
        ("precision", PRECISIONS),
        ("criterion", CRITERIA),
        ("observer", METHODS),
        ("formulation", FORMULATIONS),
        ("prefer", PREFERENCES),
    ):
        if getattr(options, name) not in known:
            raise UsageError(f"--{name} {getattr(options, name)!r}: {nearest(getattr(options, name), known)}")
    if options.weight_bits not in WEIGHT_BITS:
        raise UsageError(f"--weight-bits {options.weight_bits}: 8, or 4 for candidates with such weights beside those")
    for name, least in LEAST.items():
        if getattr(options, name) is not None and getattr(options, name) < least:
            raise UsageError(f"--{name.replace('_', '-')} {getattr(options, name)}: at least {least}")
    if options.distill_steps is not None and options.distill_steps < 0:
        raise UsageError(f"--distill-steps {options.distill_steps}: at least 0")
    if options.max_fd_ratio is not None and not options.max_fd_ratio > 0:
        raise UsageError(f"--max-fd-ratio {options.max_fd_ratio}: above 0")
    if options.time_budget is not None and not options.time_budget > 0:
        raise UsageError(f"--time-budget {options.time_budget}: above 0")
    if options.phone is not None and (options.benchmark_model is None or not backend(options.target.runtime).on_phones):
        raise UsageError(
            f"--device {options.phone}: phones are timed by their runtime's benchmark_model: give --benchmark-model "
            "PATH and a target for phones, such as mobile"
        )
    if options.phone is not None and options.prefer == "energy":
        raise UsageError(f"--prefer energy: nothing reads the energy of {options.phone} here")
    taken = ", ".join(options.target.precisions)
    if options.qat and (options.precision not in ("auto", "int8") or "int8" not in options.target.precisions):
        raise UsageError(
            f"--qat trains for int8; the target {options.target.name} takes {taken} and --precision is "
            f"{options.precision}"
        )
    if options.precision != "auto" and options.precision not in options.target.precisions:
        raise TargetError(f"--precision {options.precision}: the target {options.target.name} takes {taken}")
