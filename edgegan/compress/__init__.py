"""The whole way from a generator to an artifact: ``compress`` is what the command calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgegan.core.target import Target, load_target

if TYPE_CHECKING:
    from edgegan.compress.pipeline import Report
    from edgegan.core.progress import Progress

__all__ = ["compress"]

PATHS = ("out", "data", "weights")
TUPLES = ("inputs", "output_range")


def compress(
    model: str, target: str | Target, *, progress: Progress | None = None, until: str = "measure", **options: Any
) -> Report:
    """Compress ``model`` for ``target``; returns the Report that is written to ``out/report.json``.

    ``options`` are the command's, with underscores: ``out`` (default ``out``), ``inputs`` (texts of ``--input``),
    ``weights``, ``weights_key``, ``data``, ``prune``, ``macs_ratio``, ``distill_steps``, ``precision``, ``min_psnr``,
    ``max_fd_ratio``, ``seed``, ``batch``, ``threads``, ``force``, ``keep_candidates``, ``output_range``,
    ``calibration_samples``, ``observer``, ``equalize``, ``bias_correction``, ``adaround``, ``weight_bits``,
    ``fd_samples``, ``formulation``, ``uint8_output``, ``qat``, ``qat_steps``, ``device`` (``ssh://USER@HOST[:PORT]``).
    ``until`` stops after a stage: prune, rewrite, quantize, export. Raises GeneratorError subclasses; GateError after
    the report was written.
    """
    from edgegan.compress.options import Options
    from edgegan.compress.pipeline import run
    from edgegan.remote.ssh import parse_device
    from edgegan.runtime.generator import available_threads

    for name in PATHS:
        if options.get(name) is not None:
            options[name] = Path(options[name])
    for name in TUPLES:
        if options.get(name) is not None:
            options[name] = tuple(options[name])
    if isinstance(options.get("device"), str):
        options["device"] = parse_device(options["device"])
    options = {"out": Path("out")} | options | {"threads": options.get("threads") or available_threads()}
    chosen = target if isinstance(target, Target) else load_target(target)
    return run(Options(model=model, target=chosen, **options), progress, until)
