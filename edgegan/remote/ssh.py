"""Commands and files on another machine, through the ``ssh`` program and the user's own keys and configuration."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgegan.core.errors import DeviceError, UsageError, last_line

_ADDRESS = re.compile(
    r"^ssh://(?P<user>[A-Za-z0-9_][A-Za-z0-9_.-]*)@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\])(?::(?P<port>\d{1,5}))?/?$"
)
_FOLDER = re.compile(r"^/[\w./-]+$")
UNREACHABLE = 255
CONNECT_SECONDS = 10
OPTIONS = (
    "-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_SECONDS}", "-o", "ServerAliveInterval=5",
    "-o", "ServerAliveCountMax=3",
)  # fmt: skip
FULL = "No space left on device"


class Lost(DeviceError):
    """The device does not answer, or does not any more."""


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
    """Commands in a folder of the device, its home where None. Every call is a connection of its own; none asks a
    question, and host keys are checked as the user's configuration has it."""

    def __init__(self, device: Device, folder: str | None = None) -> None:
        self.device, self.folder = device, folder

    def make_folder(self) -> str:
        """A new folder on the device, in which commands run from now on."""
        folder = self.run(["mktemp", "-d"]).decode().strip()
        if not _FOLDER.match(folder):
            raise DeviceError(
                f"{self.device}: mktemp gave {folder!r}, which is no folder to work in; does the login print something?"
            )
        self.folder = folder
        return folder

    def remove_folder(self) -> None:
        if self.folder is not None:
            folder, self.folder = self.folder, None
            self.run(["rm", "-rf", "--", folder])

    def run(self, command: list[str], given: bytes = b"") -> bytes:
        """Run a command and return what it printed. Lost where the device does not answer, DeviceError where the
        command fails."""
        try:
            done = subprocess.run(self._command(command), input=given, capture_output=True)
        except FileNotFoundError as exc:
            raise DeviceError("the program ssh is not installed here; --device needs it") from exc
        if done.returncode == UNREACHABLE:
            raise Lost(
                f"{self.device} cannot be reached: {last_line(done.stderr)}\nCheck that `ssh -p {self.device.port} "
                f"{self.device.user}@{self.device.host}` logs in without a question"
            )
        if done.returncode:
            raise DeviceError(self._why(command[0], done.returncode, done.stderr))
        return done.stdout

    def is_there(self, file: str = ".") -> bool:
        """Whether a file, or the connection's own folder, is on the device; Lost where that does not answer."""
        try:
            self.run(["test", "-e", file])
        except Lost:
            raise
        except DeviceError:
            return False
        return True

    def listen(self, command: list[str], heard: Callable[[bytes], object]) -> int:
        """Run a command whose output is ``heard`` line by line as it comes; its exit code, UNREACHABLE where the
        connection was lost."""
        with subprocess.Popen(
            self._command(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    heard(line)
            except BaseException:
                process.kill()
                raise
            return process.wait()

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
        missing = [name for name in wanted if name not in contents]
        if missing:
            raise DeviceError(f"{self.device} did not send {missing[0]!r}, which was asked for")
        return contents

    def _command(self, command: list[str]) -> list[str]:
        inside = f"cd {shlex.quote(self.folder)} && " if self.folder is not None else ""
        address = ["-p", str(self.device.port), "-l", self.device.user, "--", self.device.host]
        return ["ssh", *OPTIONS, *address, inside + shlex.join(command)]

    def _why(self, program: str, code: int, said: bytes) -> str:
        if FULL.encode() in said:
            return f"{self.device}: its disk is full; free some space there, then run the same command again"
        return f"{self.device}: {program} failed with {code}: {last_line(said)}"
