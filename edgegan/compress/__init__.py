"""The whole way from a generator to an artifact: ``compress`` is what the command calls."""

from __future__ import annotations

from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

from edgegan.compress.options import Options
from edgegan.compress.parsed import options_of
from edgegan.compress.settings import declared
from edgegan.core.target import Target

if TYPE_CHECKING:
    from edgegan.compress.pipeline import Report
    from edgegan.core.progress import Progress

__all__ = ["compress"]


def compress(
    model: str, target: str | Target, *, progress: Progress | None = None, until: str = "measure", **options: Any
) -> Report:
    """Compress ``model`` for ``target``; returns the Report that is written to ``out/report.json``.

    ``options`` are the command's, with underscores; texts of the command line are taken as well as values. ``until``
    stops after a stage: prune, rewrite, quantize, export. Where the backend cannot free the batch of a ``batch`` such
    as "1,4,16", each of the numbers is compressed for by itself, into ``out/batch-N``. Raises GeneratorError
    subclasses; GateError after the report was written.
    """
    from edgegan.compress.one_each import run_for_each_batch

    return run_for_each_batch(prepared_options(model, target, **options), progress, until)


def prepared_options(model: str, target: str | Target, **options: Any) -> Options:
    """``options`` as ``compress`` takes them, checked; all threads where none are named."""
    from edgegan.runtime.generator import available_threads

    given = options | {"model": model, "target": target, "threads": options.get("threads") or available_threads()}
    return options_of(given)


def _signature() -> Signature:
    """``compress`` with its options by name, as ``help(compress)`` shows it."""
    own = Signature.from_callable(compress)
    fixed = [p for p in own.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    named = [
        Parameter(each.name, Parameter.KEYWORD_ONLY, default=each.default)
        for each in declared(Options)
        if each.name not in own.parameters
    ]
    return own.replace(parameters=[*fixed, *named])


compress.__signature__ = _signature()  # type: ignore[attr-defined]
compress.__doc__ = (compress.__doc__ or "") + "\n".join(
    f"    {each.name}: {each.setting.help}" for each in declared(Options) if each.name not in ("model", "target")
)
