"""The error tree, on one page. Each class carries the exit code that the command line returns.

GeneratorError                 1
├── UsageError                 2   an option, a spec or a folder is wrong
│   └── OutputError            2   the output folder is in use, of another run, or its disk is full
├── ModelError                 3   the model cannot be loaded or captured
├── TargetError                4   the target or backend cannot take the model
├── MissingPackageError        5   a package is missing
├── ArtifactError              6   an artifact or manifest is damaged, or does not belong together
├── GateError                  7   no candidate passed the gate, or a --fail-if condition holds
└── DeviceError                8   a device cannot be reached or failed

Messages name the argument, the value and the way out, in one or two lines.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GeneratorError(Exception):
    """Root of every error that EdgeGAN raises on purpose."""

    exit_code = 1


class UsageError(GeneratorError):
    exit_code = 2


class OutputError(UsageError):
    pass


class ModelError(GeneratorError):
    exit_code = 3


class TargetError(GeneratorError):
    exit_code = 4


class MissingPackageError(GeneratorError):
    """A vendor or optional package is not installed.

    Parameters: ``package`` as imported, ``extra`` the EdgeGAN extra that brings it, ``why`` what it was wanted for.
    """

    exit_code = 5

    def __init__(self, package: str, extra: str, why: str) -> None:
        super().__init__(
            f"{why} needs the package {package!r}, which is not installed.\nInstall it: pip install 'edgegan[{extra}]'"
        )
        self.package, self.extra = package, extra


class ArtifactError(GeneratorError):
    exit_code = 6


class GateError(GeneratorError):
    exit_code = 7


class DeviceError(GeneratorError):
    exit_code = 8


def first_line(exc: BaseException) -> str:
    """The first line of an exception's message; the name of its class where it has none."""
    lines = str(exc).strip().splitlines()
    return lines[0] if lines else type(exc).__name__


def last_line(said: str | bytes) -> str:
    """What a program that failed said last on standard error."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the known values closest to a misspelt one, or all of them when none is close."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {', '.join(close)}?" if close else f"known: {', '.join(known)}"
