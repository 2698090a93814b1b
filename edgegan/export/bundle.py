"""The device bundle ``g.edgegan``: a zip with several forms of one generator, of which the device keeps the fastest.

    bundle.json    schema, target, model, command, gate, the manifest to be; variants[{name, precision, files, ...}],
                   files[{name, bytes, sha256}] of every other entry
    NAME.onnx      a variant: float, or with explicit quantize and dequantize operators
    weights.bin    their large weights, each once (ONNX external data)
    check.npz      input_NAME, image: seeded inputs and the float network's images for them; calibration_NAME: some of
                   the inputs that ranges were found on, for tools that find their own

Bundles of schema 1 hold one variant, ``g.onnx``, and are read too.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.core.errors import ArtifactError
from edgegan.core.files import atomic_path, sha256

SCHEMA, OLD_SCHEMA = 2, 1
HEADER, CHECK, WEIGHTS = "bundle.json", "check.npz", "weights.bin"
VARIANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.onnx")
LARGEST, LARGEST_HEADER, BLOCK = 4 << 30, 16 << 20, 1 << 20
LEAST_PSNR_DB = 20.0
"""The gate of a bundle that names none: below it an engine does not compute the network, whatever its precision."""
BUILD_COMMAND = "edgegan build g.edgegan --out engine"


@dataclass(frozen=True)
class Variant:
    """One form of the generator: its ONNX, unpacked, and what ``bundle.json`` says of it. ``without``: the pairs of
    quantize and dequantize that an engine of it goes without."""

    onnx: Path
    described: dict[str, Any]
    without: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return str(self.described["name"])

    @property
    def precision(self) -> str:
        return str(self.described["precision"])


@dataclass(frozen=True)
class Bundle:
    """A bundle that was verified. ``inputs`` by name and the float network's ``images`` (N, C, H, W) for them;
    ``original``: those of the network before pruning."""

    description: dict[str, Any]
    variants: tuple[Variant, ...]
    inputs: dict[str, np.ndarray]
    images: np.ndarray
    original: np.ndarray

    @property
    def output_range(self) -> tuple[float, float]:
        low, high = self.description["manifest"]["outputs"][0]["range"]
        return low, high


def write_bundle(
    path: Path,
    description: Mapping[str, Any],
    variants: Sequence[tuple[Mapping[str, Any], bytes]],
    weights: Path,
    check: Mapping[str, np.ndarray],
) -> Path:
    """Write the bundle. ``variants``: what is said of each, its ``name`` and ``precision`` among it, and its ONNX whose
    external data lie in the file ``weights``. ``check``: ``input_NAME`` arrays, ``image``, ``original`` where that
    differs, and ``calibration_NAME`` arrays. Entries have no date, so that the same contents are the same file;
    weights, which hardly shrink, are stored as they are."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **check)  # type: ignore[arg-type]
    contents = {f"{said['name']}.onnx": onnx for said, onnx in variants}
    contents |= {CHECK: buffer.getvalue()}
    files = {
        name: {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in contents.items()
    }
    files[WEIGHTS] = {"name": WEIGHTS, "bytes": weights.stat().st_size, "sha256": sha256(weights)}
    own = [{**said, "files": [files[f"{said['name']}.onnx"], files[WEIGHTS]]} for said, _ in variants]
    header = {"schema": SCHEMA, "variants": own, "files": list(files.values()), **description}
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as zipped:
        for name, data in {HEADER: json.dumps(header, indent=2).encode(), **contents}.items():
            zipped.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        with weights.open("rb") as source, zipped.open(zipfile.ZipInfo(WEIGHTS), "w", force_zip64=True) as target:
            shutil.copyfileobj(source, target, BLOCK)
    return path


def unpack_bundle(path: Path, folder: Path) -> Bundle:
    """Unpack into ``folder`` what ``bundle.json`` lists, and nothing else: names that lie in no folder, as many bytes
    as it says, hashes checked. Raises ArtifactError."""
    if not path.is_file():
        raise ArtifactError(f"{path}: no such file")
    try:
        with zipfile.ZipFile(path) as zipped:
            header = _header(path, zipped)
            for entry in header["files"]:
                _unpack(path, zipped, entry, folder)
        return _bundle(header, folder)
    except (
        zipfile.BadZipFile, json.JSONDecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError, ValueError,
        EOFError, NotImplementedError, RuntimeError, OverflowError, MemoryError, struct.error, zlib.error,
    ) as exc:  # fmt: skip
        raise ArtifactError(f"{path} is damaged: {exc}") from exc


def _header(path: Path, zipped: zipfile.ZipFile) -> dict[str, Any]:
    sizes = {info.filename: info.file_size for info in zipped.infolist()}
    names = ", ".join(list(sizes)[:5])
    if HEADER not in sizes:
        raise ArtifactError(f"{path} is not a bundle: it holds {names}; expected {HEADER} and what that lists")
    if sizes[HEADER] > LARGEST_HEADER:
        raise ArtifactError(f"{path}: {HEADER} has more than {LARGEST_HEADER >> 20} MiB and is refused")
    header: dict[str, Any] = json.loads(zipped.read(HEADER))
    if header.get("schema") not in (SCHEMA, OLD_SCHEMA):
        raise ArtifactError(
            f"{path} is a bundle of schema {header.get('schema')}; this version reads {OLD_SCHEMA} and {SCHEMA}"
        )
    listed = {str(entry["name"]): int(entry["bytes"]) for entry in header["files"]}
    if len(zipped.infolist()) != len(sizes) or set(sizes) != {HEADER, *listed}:
        raise ArtifactError(f"{path} is not a bundle: it holds {names}; {HEADER} lists {', '.join(list(listed)[:5])}")
    for name, size in listed.items():
        if name not in (WEIGHTS, CHECK) and not VARIANT.fullmatch(name):
            raise ArtifactError(f"{path} holds {name!r}, which is no name of a bundle's file")
        if sizes[name] != size:
            raise ArtifactError(f"{path} is damaged: {name} has {sizes[name]} bytes, {HEADER} says {size}")
    if sum(listed.values()) > LARGEST:
        raise ArtifactError(f"{path} unpacks to more than {LARGEST >> 30} GiB and is refused")
    return header


def _unpack(path: Path, zipped: zipfile.ZipFile, entry: Mapping[str, Any], folder: Path) -> None:
    digest, left = hashlib.sha256(), int(entry["bytes"])
    with zipped.open(entry["name"]) as source, (folder / entry["name"]).open("wb") as target:
        while block := source.read(min(BLOCK, left + 1)):
            left -= len(block)
            if left < 0:
                break
            digest.update(block)
            target.write(block)
    if left or digest.hexdigest() != entry["sha256"]:
        raise ArtifactError(f"{path} is damaged: {entry['name']} is not what {HEADER} says")


def _bundle(header: dict[str, Any], folder: Path) -> Bundle:
    if header["schema"] == OLD_SCHEMA:
        header = header | {"variants": [{"name": "g", "precision": header["precision"]}]}
    listed = {entry["name"] for entry in header["files"]}
    variants = tuple(Variant(folder / f"{said['name']}.onnx", said) for said in header["variants"])
    for variant in variants:
        if variant.onnx.name not in listed:
            raise ArtifactError(f"{HEADER} names a variant {variant.name!r} without its file {variant.onnx.name}")
    if not variants:
        raise ArtifactError(f"{HEADER} names no variant")
    with np.load(folder / CHECK, allow_pickle=False) as check:
        arrays = dict(check)
    inputs = {name.removeprefix("input_"): value for name, value in arrays.items() if name.startswith("input_")}
    image: np.ndarray = arrays["image"]
    original: np.ndarray = arrays.get("original", image)
    return Bundle(header, variants, inputs, image, original)
