"""What C++ libraries print to standard error: kept aside, and told only where the command fails."""

from __future__ import annotations

import faulthandler
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MOST_LINES, MOST_BYTES = 20, 1 << 16
"""Of the last that was printed, told after a failure."""


@contextmanager
def kept_aside() -> Iterator[Callable[[], list[str]]]:
    """While it lasts, what is written to file descriptor 2 goes to a file that is forgotten; Python's own standard
    error goes where it went before. Gives what reads the last lines of the file.

    A crash of the process tells where Python was; what the library said of it is seen with --debug.
    """
    sys.stderr.flush()
    shown = os.fdopen(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
    before, sys.stderr = sys.stderr, shown
    faulthandler.enable(shown)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield lambda: _last_lines(aside.fileno())
        finally:
            shown.flush()
            os.dup2(shown.fileno(), 2)
            faulthandler.disable()
            sys.stderr = before
            shown.close()


def _last_lines(file: int) -> list[str]:
    size = os.fstat(file).st_size
    held = os.pread(file, MOST_BYTES, max(0, size - MOST_BYTES))
    return [line for line in held.decode(errors="replace").splitlines() if line.strip()][-MOST_LINES:]
