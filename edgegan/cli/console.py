"""What a command prints: progress bars on a terminal, plain lines in a pipe, JSON where asked."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from edgegan.cli import interruption

PLAIN_WIDTH = 200
TOLD_EVERY = 10.0
"""Seconds between two lines of how far a stage is, where there is no terminal."""


def stdout() -> Console:
    """Standard output; wide when piped, so that lines are not folded. ``NO_COLOR`` is honoured by rich."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def table(title: str, columns: list[str], rows: list[list[str]], left: int = 1) -> None:
    """Print a table whose first ``left`` columns are text; tab-separated lines when piped."""
    if not sys.stdout.isatty():
        for row in [columns, *rows]:
            sys.stdout.write("\t".join(row) + "\n")
        return
    drawn = Table(title=title, title_justify="left", header_style="bold")
    for index, column in enumerate(columns):
        drawn.add_column(column, justify="left" if index < left else "right")
    for row in rows:
        drawn.add_row(*row)
    stdout().print(drawn)


class ConsoleProgress:
    """A progress bar per stage on a terminal; otherwise a line per stage and note, and now and then one of how far a
    stage is and how long it will take. Everything goes to stderr."""

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else PLAIN_WIDTH)
        self._quiet = quiet
        self._bar: Progress | None = None
        self._task: Any = None
        self._began = self._told = time.monotonic()
        if sys.stderr.isatty() and not quiet:
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description:10}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=self._console, transient=True)

    def __enter__(self) -> ConsoleProgress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def stage(self, name: str) -> None:
        interruption.check()
        self._began = self._told = time.monotonic()
        if self._bar:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(name, total=None)
        elif not self._quiet:
            self._console.print(f"{name} ...")

    def step(self, done: int, total: int) -> None:
        interruption.check()
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=done, total=total)
        elif not self._quiet and 0 < done < total and time.monotonic() - self._told >= TOLD_EVERY:
            self._told = time.monotonic()
            left = (self._told - self._began) / done * (total - done)
            self._console.print(f"  {done} of {total}, about {left:.0f} s left", markup=False)

    def note(self, text: str) -> None:
        if not self._quiet:
            self._console.print(f"  {text}", markup=False, style="dim" if self._bar else "")
