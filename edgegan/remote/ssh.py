"""Commands and files on another machine, through the ``ssh`` program and the user's own keys and configuration."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgegan.core.errors import DeviceError, UsageError

_ADDRESS = re.compile(
    r"^ssh://(?P<user>[A-Za-z0-9_][A-Za-z0-9_.-]*)@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\])(?::(?P<port>\d{1,5}))?/?$"
)
_FOLDER = re.compile(r"^/[\w./-]+$")
UNREACHABLE = 255
CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Device:
    """USER@HOST:PORT; keys come from the user's agent and configuration, never from here."""

    user: str
    host: str
    port: int = 22

    def __str__(self) -> str:
        return f"ssh://{self.user}@{self.host}:{self.port}"


def parse_device(text: str) -> Device:
    """Read ``ssh://USER@HOST[:PORT]``. UsageError otherwise."""
    match = _ADDRESS.match(text)
    if match is None or not 0 < int(match["port"] or 22) < 65536:
        raise UsageError(f"--device {text!r} is not ssh://USER@HOST[:PORT], such as ssh://nvidia@jetson.local")
    return Device(match["user"], match["host"].strip("[]"), int(match["port"] or 22))


class Connection:
    """A folder of its own on the device, and commands run in it."""

    def __init__(self, device: Device) -> None:
        self.device = device
        folder = self.run(["mktemp", "-d"]).decode().strip()
        if not _FOLDER.match(folder):
            raise DeviceError(
                f"{device}: mktemp gave {folder!r}, which is no folder to work in; does the login print something?"
            )
        self.folder = folder

    def run(self, command: list[str], given: bytes = b"", allowed: Collection[int] = (0,)) -> bytes:
        """Run a command in the connection's folder and return what it printed. DeviceError where it ends with a code
        that is not ``allowed``."""
        inside = f"cd {shlex.quote(self.folder)} && " if hasattr(self, "folder") else ""
        options = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_SECONDS}", "-o", "ServerAliveInterval=15"]
        try:
            done = subprocess.run(
                [
                    "ssh",
                    *options,
                    "-p",
                    str(self.device.port),
                    "-l",
                    self.device.user,
                    "--",
                    self.device.host,
                    inside + shlex.join(command),
                ],
                input=given,
                capture_output=True,
            )
        except FileNotFoundError as exc:
            raise DeviceError("the program ssh is not installed here; --device needs it") from exc
        if done.returncode == UNREACHABLE:
            raise DeviceError(
                f"{self.device} cannot be reached: {_last_line(done.stderr)}\nCheck that `ssh -p {self.device.port} "
                f"{self.device.user}@{self.device.host}` logs in without a question"
            )
        if done.returncode not in allowed:
            raise DeviceError(f"{self.device}: {command[0]} failed with {done.returncode}: {_last_line(done.stderr)}")
        return done.stdout

    def send(self, files: Mapping[str, Path | bytes]) -> None:
        """Write files by their names relative to the folder."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, content in files.items():
                data = content if isinstance(content, bytes) else content.read_bytes()
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        self.run(["tar", "-xf", "-"], buffer.getvalue())

    def fetch(self, names: Iterable[str]) -> dict[str, bytes]:
        """The content of plain files in the folder."""
        wanted = list(names)
        with tarfile.open(fileobj=io.BytesIO(self.run(["tar", "-cf", "-", "--", *wanted]))) as archive:
            contents = {}
            for entry in archive.getmembers():
                stream = archive.extractfile(entry) if entry.isfile() else None
                if stream is None or entry.name not in wanted:
                    raise DeviceError(f"{self.device} sent {entry.name!r}, which was not asked for")
                contents[entry.name] = stream.read()
            return contents


@contextmanager
def connect(device: Device) -> Iterator[Connection]:
    """A connection whose folder on the device is removed at the end. Raises DeviceError."""
    connection = Connection(device)
    try:
        yield connection
    finally:
        connection.run(["rm", "-rf", "--", connection.folder])


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no reason given"
