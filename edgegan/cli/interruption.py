"""Ctrl-C that cannot get lost: a KeyboardInterrupt raised inside a library's callback may be swallowed there."""

from __future__ import annotations

import signal

_pending = False


def install() -> None:
    """Have Ctrl-C raise KeyboardInterrupt, and remember it for ``check``."""
    signal.signal(signal.SIGINT, _interrupt)


def check() -> None:
    """Raise the KeyboardInterrupt that someone swallowed; called wherever progress is told."""
    if _pending:
        raise KeyboardInterrupt


def _interrupt(*_: object) -> None:
    global _pending
    _pending = True
    raise KeyboardInterrupt
