"""Ctrl-C that cannot get lost: a KeyboardInterrupt raised inside a library's callback may be swallowed there. Twice, it
ends the process at once."""

from __future__ import annotations

import os
import signal
import sys

CODE = 130
TOLD = "interrupted; run the same command again to resume"
_pending = False


def install() -> None:
    """Have Ctrl-C raise KeyboardInterrupt, and remember it for ``check``."""
    signal.signal(signal.SIGINT, _interrupt)


def over() -> None:
    """It was told, and what is left takes a moment: Python takes its handlers away as it ends, and another Ctrl-C would
    then end the process by the signal, without the code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def check() -> None:
    """Raise the KeyboardInterrupt that someone swallowed; called wherever progress is told."""
    if _pending:
        raise KeyboardInterrupt


def _interrupt(*_: object) -> None:
    """The first time what runs unwinds, and tidies; the second time the process ends where it is."""
    global _pending
    if _pending:
        os.write(sys.stderr.fileno(), f"{TOLD}\n".encode())
        os._exit(CODE)
    _pending = True
    raise KeyboardInterrupt
