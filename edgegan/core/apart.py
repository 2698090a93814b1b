"""What a hostile file does to a vendor's library is done in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from edgegan.core.errors import ArtifactError

SECONDS = 120


def apart(module: str, file: Path) -> subprocess.CompletedProcess[str]:
    """``python -m module file``, ended by itself, whatever its exit code.

    Raises ArtifactError where it crashes, is killed, or does not end.
    """
    command = [sys.executable, "-m", module, str(file)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise ArtifactError(f"{file} is not read within {SECONDS} s by a process of its own") from None
    if done.returncode < 0:
        raise ended_by(file, -done.returncode)
    return done


def ended_by(file: Path, number: int) -> ArtifactError:
    """What is said of a file whose reading a signal ended."""
    return ArtifactError(
        f"{file} ends the process that reads it ({signal.Signals(number).name}); it is damaged, made to harm, or needs "
        "more memory than there is"
    )
