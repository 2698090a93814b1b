"""Stages: a value in, a value with notes out; and the folder that a stopped run resumes from."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from edgegan.core.errors import OutputError
from edgegan.core.files import HALF, disk_errors, write_json

T = TypeVar("T")


@dataclass(frozen=True)
class StageResult(Generic[T]):
    """What a stage made, what it did in words, how long it took."""

    value: T
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


@contextmanager
def stopwatch() -> Iterator[Callable[[], float]]:
    """``with stopwatch() as seconds``: ``seconds()`` is the time since the block began."""
    start = time.perf_counter()
    yield lambda: time.perf_counter() - start


@dataclass
class StageStore:
    """``out/stages``: one file or folder a stage, each beside a JSON that says what it is.

    A stage is done when its JSON exists; the JSON is written last. ``inputs`` is what the whole run is made from:
    a folder of the same inputs is resumed, of others refused.
    """

    root: Path
    inputs: dict[str, Any]

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """The folder is this run's alone within the block. Raises OutputError when it is in use, or belongs to other
        inputs."""
        with disk_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            lock = (self.root / ".lock").open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OutputError(
                    f"{self.root.parent} is in use by another run; wait for it, or choose another --out"
                ) from None
            self._mark()
            self._clear_halves()
            yield

    def _clear_halves(self) -> None:
        """Files that a killed run had begun."""
        for half in (*self.root.parent.glob(HALF), *self.root.rglob(HALF)):
            half.unlink(missing_ok=True)

    def _mark(self) -> None:
        marker = self.root / "run.json"
        if marker.exists():
            before = _read_json(marker)
            if before != self.inputs:
                changed = sorted(k for k in before.keys() | self.inputs.keys() if before.get(k) != self.inputs.get(k))
                raise OutputError(
                    f"{self.root.parent} holds a run of other inputs ({', '.join(changed)} differ); choose another "
                    "--out, or --force to replace it"
                )
        else:
            write_json(marker, self.inputs)

    def path(self, name: str) -> Path:
        return self.root / name

    def read(self, name: str) -> dict[str, Any] | None:
        """The JSON of a finished stage, None where it is still to do."""
        path = self.root / f"{name}.json"
        return _read_json(path) if path.exists() else None

    def write(self, name: str, content: dict[str, Any]) -> None:
        write_json(self.root / f"{name}.json", content)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as exc:
        raise OutputError(f"{path} is damaged ({exc}); use --force to begin anew") from exc
    return content
