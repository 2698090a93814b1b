"""The running EdgeGAN as a wheel, made without a network or a build backend: it is pure Python."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from edgegan import __version__
from edgegan.core import target

PACKAGE = Path(__file__).parents[1]
NAME = f"edgegan-{__version__}-py3-none-any.whl"
INFO = f"edgegan-{__version__}.dist-info"
LEFT_OUT = ("__pycache__", "weights", "calibration_data")
"""Folders that a device does not need."""
WHEEL = "Wheel-Version: 1.0\nGenerator: edgegan\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
EPOCH = (1980, 1, 1, 0, 0, 0)


def wheel() -> bytes:
    """The wheel's content, the same for the same files (Python packaging's binary distribution format)."""
    own = distribution("edgegan")
    files = dict(_package()) | {
        f"{INFO}/METADATA": (own.read_text("METADATA") or "").encode(),
        f"{INFO}/WHEEL": WHEEL.encode(),
        f"{INFO}/entry_points.txt": (own.read_text("entry_points.txt") or "").encode(),
    }
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in files.items())
    files[f"{INFO}/RECORD"] = f"{record}{INFO}/RECORD,,\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _package() -> dict[str, bytes]:
    files = {
        f"edgegan/{file.relative_to(PACKAGE).as_posix()}": file.read_bytes()
        for file in sorted(PACKAGE.rglob("*"))
        if file.is_file() and not set(LEFT_OUT) & set(file.relative_to(PACKAGE).parts)
    }
    return files | {f"edgegan/targets/{file.name}": file.read_bytes() for file in sorted(target.folder().glob("*"))}


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
