"""How long work tells of itself: the command line shows it, a script ignores it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told when a stage begins, how far it is, and what it found."""

    def stage(self, name: str) -> None: ...

    def step(self, done: int, total: int) -> None: ...

    def note(self, text: str) -> None: ...


class Silent:
    """Nobody is watching."""

    def stage(self, name: str) -> None:
        """Ignored."""

    def step(self, done: int, total: int) -> None:
        """Ignored."""

    def note(self, text: str) -> None:
        """Ignored."""
