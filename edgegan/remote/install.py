"""EdgeGAN's base install on a device, in a virtual environment of its own: never the system's Python."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

from edgegan.core.errors import DeviceError
from edgegan.core.progress import Progress
from edgegan.remote.ssh import Connection, Device, Lost
from edgegan.remote.wheel import NAME, wheel

LEAST_PYTHON = (3, 10)
FOLDER = ".local/share/edgegan"
"""Below the device's home; a folder there for each wheel and choice of extras."""
_HOME = re.compile(r"/[\w./-]*")


def installed(device: Device, python: str, extras: Collection[str], progress: Progress) -> str:
    """The interpreter of the environment on the device that has this EdgeGAN with ``extras``, made now where it is not
    there; ``python`` makes it. What the system's Python has is seen there, as JetPack's TensorRT. Raises DeviceError.
    """
    connection = Connection(device)
    _check_python(connection, python)
    content = wheel()
    name = hashlib.sha256(content + ",".join(sorted(extras)).encode()).hexdigest()[:16]
    home = connection.run(["sh", "-c", 'echo "$HOME"']).decode().strip()
    if not _HOME.fullmatch(home):
        raise DeviceError(f"{device}: its home is {home!r}, which is no folder; does the login print something?")
    folder = f"{home}/{FOLDER}/{name}"
    own, ready = f"{folder}/bin/python", f"{folder}/ready"
    if connection.is_there(ready):
        return own
    progress.stage(f"install on {device}")
    try:
        _make(connection, python, folder)
        inside = Connection(device, folder)
        inside.send({NAME: content})
        wanted = f"{NAME}[{','.join(sorted(extras))}]" if extras else NAME
        inside.run([own, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "-q", f"./{wanted}"])
        inside.run(["touch", ready])
    except Lost:
        raise
    except DeviceError:
        connection.run(["rm", "-rf", "--", folder])
        raise
    progress.note(f"EdgeGAN is in {folder} there; remove that folder to be rid of it")
    return own


def _check_python(connection: Connection, python: str) -> None:
    told = connection.run([python, "-c", "import sys; print(*sys.version_info[:2])"]).decode().split()
    version = tuple(int(part) for part in told if part.isdigit())
    if version < LEAST_PYTHON:
        raise DeviceError(
            f"{connection.device} has Python {'.'.join(told)}; EdgeGAN needs 3.10 or later, as JetPack 6 has it "
            "(JetPack 5 has 3.8, which is out of support)"
        )


def _make(connection: Connection, python: str, folder: str) -> None:
    try:
        connection.run([python, "-m", "venv", "--clear", "--system-site-packages", folder])
    except Lost:
        raise
    except DeviceError as exc:
        raise DeviceError(
            f"{exc}\nVirtual environments need Debian's and Ubuntu's package python3-venv: sudo apt install "
            "python3-venv, on the device"
        ) from exc
