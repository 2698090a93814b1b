"""On the device: a command that goes on when the connection is lost, and what it has said since.

``python -m edgegan.remote.detached start FOLDER COMMAND...`` begins it in a session of its own; ``follow FOLDER
OFFSET`` prints its log from that byte on until it ends, and ends with its exit code, or with GONE where it vanished.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

LOG, PROCESS, EXIT = "log", "pid", "exit"
GONE = 254
"""No exit code was left behind: it was killed, or the device restarted."""
EVERY_SECONDS, GRACE_SECONDS = 0.1, 2.0


def start(folder: Path, command: list[str]) -> None:
    """Begin ``command`` in ``folder``, its output in ``log``, its exit code in ``exit`` when it ends."""
    runner = [sys.executable, "-m", "edgegan.remote.detached", "run", str(folder), *command]
    process = subprocess.Popen(
        runner, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    (folder / PROCESS).write_text(str(process.pid))


def run(folder: Path, command: list[str]) -> None:
    """Carry ``command`` out and wait for it."""
    with (folder / LOG).open("ab") as log:
        code = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode
    part = folder / f"{EXIT}.part"
    part.write_text(str(code))
    part.rename(folder / EXIT)


def follow(folder: Path, offset: int) -> int:
    """Print what the command says, from byte ``offset`` of its log, until it ends; its exit code."""
    last_seen = time.monotonic()
    while True:
        ended = (folder / EXIT).exists()
        offset += _print_from(folder / LOG, offset)
        if ended:
            return int((folder / EXIT).read_text())
        if _runs(folder):
            last_seen = time.monotonic()
        elif time.monotonic() - last_seen > GRACE_SECONDS:
            return GONE
        time.sleep(EVERY_SECONDS)


def _print_from(log: Path, offset: int) -> int:
    if not log.exists():
        return 0
    with log.open("rb") as stream:
        stream.seek(offset)
        new = stream.read()
    sys.stdout.buffer.write(new)
    sys.stdout.buffer.flush()
    return len(new)


def _runs(folder: Path) -> bool:
    try:
        os.kill(int((folder / PROCESS).read_text()), 0)
    except (OSError, ValueError):
        return False
    return True


if __name__ == "__main__":
    what, place, *rest = sys.argv[1:]
    if what == "follow":
        sys.exit(follow(Path(place), int(rest[0])))
    {"start": start, "run": run}[what](Path(place), rest)
