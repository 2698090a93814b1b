"""The device bundle ``g.edgegan``: a zip with the ONNX graph and all that the device needs to make and check its
engine.

    bundle.json   schema, target, precision, model, command, the manifest to be, size and SHA-256 of every other entry
    g.onnx        float or explicit Q/DQ, accepted by NVIDIA's parser
    check.npz     seeded inputs and the float network's images for them
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.core.errors import ArtifactError
from edgegan.core.files import atomic_path

SCHEMA = 1
ENTRIES = ("bundle.json", "g.onnx", "check.npz")
LARGEST = 4 << 30
BUILD_COMMAND = "edgegan build g.edgegan --out engine"


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read and verified."""

    description: dict[str, Any]
    onnx: bytes
    check: dict[str, np.ndarray]


def write_bundle(path: Path, onnx_file: Path, description: dict[str, Any], check: dict[str, np.ndarray]) -> Path:
    """Write the bundle; ``description`` is what ``edgegan build`` needs to know beside the graph."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **check)  # type: ignore[arg-type]
    contents = {"g.onnx": onnx_file.read_bytes(), "check.npz": buffer.getvalue()}
    files = [{"name": n, "bytes": len(d), "sha256": hashlib.sha256(d).hexdigest()} for n, d in contents.items()]
    header = {"schema": SCHEMA, "files": files, **description}
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bundle.json", json.dumps(header, indent=2))
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


def read_bundle(path: Path) -> Bundle:
    """Read a bundle without unpacking it: entries by name, sizes and hashes checked. Raises ArtifactError."""
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if sorted(names) != sorted(ENTRIES):
                raise ArtifactError(
                    f"{path} is not a bundle: it holds {', '.join(names[:5])}; expected {', '.join(ENTRIES)}"
                )
            if sum(i.file_size for i in archive.infolist()) > LARGEST:
                raise ArtifactError(f"{path} unpacks to more than {LARGEST >> 30} GiB and is refused")
            contents = {name: archive.read(name) for name in ENTRIES}
        description = json.loads(contents["bundle.json"])
        if description.get("schema") != SCHEMA:
            raise ArtifactError(
                f"{path} is a bundle of schema {description.get('schema')}; this version reads {SCHEMA}"
            )
        for entry in description["files"]:
            data = contents[entry["name"]]
            if len(data) != entry["bytes"] or hashlib.sha256(data).hexdigest() != entry["sha256"]:
                raise ArtifactError(f"{path} is damaged: {entry['name']} is not what bundle.json says")
        with np.load(io.BytesIO(contents["check.npz"]), allow_pickle=False) as check:
            return Bundle(description, contents["g.onnx"], dict(check))
    except (zipfile.BadZipFile, json.JSONDecodeError, KeyError, ValueError, OSError, NotImplementedError) as exc:
        raise ArtifactError(f"{path} is damaged: {exc}") from exc
