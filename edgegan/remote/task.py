"""Work on a device that outlives the connection: begun detached, followed while the line holds, found again after."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgegan.core.errors import DeviceError
from edgegan.core.files import write_json
from edgegan.core.progress import Progress
from edgegan.remote.detached import GONE
from edgegan.remote.ssh import UNREACHABLE, Connection, Device, Lost

WAITS = (1, 2, 4, 8, 15, 30)
"""Seconds before each further attempt to reach a device whose connection was lost."""
STEP = re.compile(r"(?:step )?(\d+) of (\d+)")


@dataclass
class Task:
    """``command``, with ``python`` as its first word, on ``files`` that are sent there first.

    ``kept``: where it is noted here, so that a later call of the same ``key`` finds it again. ``lines``: the last of
    what the command said.
    """

    device: Device
    python: str
    command: Sequence[str]
    files: Callable[[], Mapping[str, Path | bytes]]
    key: str
    kept: Path
    progress: Progress
    lines: list[str] = field(default_factory=list)
    _heard: int = 0

    def run(self) -> tuple[Connection, int]:
        """The connection whose folder holds what the command made, and its exit code. Raises Lost where the device
        cannot be reached again, while the work goes on there, and DeviceError where it vanished."""
        connection = self._found() or self._begun()
        for wait in (*WAITS, None):
            code = self._follow(connection)
            if code == GONE:
                self.forget(connection)
                raise DeviceError(f"{self.device}: the work there was killed, or the device restarted; run it again")
            if code != UNREACHABLE:
                return connection, code
            if wait is not None:
                self.progress.note(f"the connection to {self.device} was lost; trying again in {wait} s")
                time.sleep(wait)
        raise Lost(
            f"the connection to {self.device} was lost; the work goes on there, and the same command finds it again"
        )

    def forget(self, connection: Connection) -> None:
        """What was made there is removed."""
        self.kept.unlink(missing_ok=True)
        connection.remove_folder()

    def _follow(self, connection: Connection) -> int:
        return connection.listen(self._detached("follow", str(connection.folder), str(self._heard)), self._hear)

    def _hear(self, line: bytes) -> None:
        self._heard += len(line)
        text = line.decode(errors="replace").strip()
        if step := STEP.match(text):
            self.progress.step(int(step[1]), int(step[2]))
        elif text:
            self.lines = [*self.lines[-20:], text]
            self.progress.note(text)

    def _found(self) -> Connection | None:
        """The work of an earlier call, where that was the same and is still there."""
        if not self.kept.exists():
            return None
        known = json.loads(self.kept.read_text())
        connection = Connection(self.device, known["folder"])
        if known["device"] != str(self.device) or not connection.is_there():
            return None
        if known["key"] != self.key:
            self.forget(connection)
            return None
        self.progress.note(f"found again on {self.device}: the work of an earlier call")
        return connection

    def _begun(self) -> Connection:
        connection = Connection(self.device)
        folder = connection.make_folder()
        try:
            connection.send(self.files())
        except DeviceError:
            connection.remove_folder()
            raise
        self.kept.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.kept, {"device": str(self.device), "folder": folder, "key": self.key})
        connection.run(self._detached("start", folder, self.python, *self.command))
        return connection

    def _detached(self, *arguments: str) -> list[str]:
        return [self.python, "-m", "edgegan.remote.detached", *arguments]
