"""What a run found, as the bundle of variants from which a device chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edgegan.compress.options import Options
from edgegan.compress.references import Wanted
from edgegan.compress.rows import Built
from edgegan.compress.subject import Subject
from edgegan.core.files import sha256, write_bytes
from edgegan.core.manifest import read_manifest, write_manifest
from edgegan.export.bundle import BUILD_COMMAND, WEIGHTS, write_bundle
from edgegan.export.placements import TOLD, placements
from edgegan.export.shared_weights import share_weights

CHECK_BYTES = 64 << 20
"""Most that reference inputs and pictures take, before they are packed."""
SAID = ("name", "formulation", "precision", "precision_exceptions", "macs", "params", "bytes_moved")
"""What a bundle says of a variant, as the report does of a candidate."""


def with_placements(rows: Sequence[Built], root: Path) -> list[Built]:
    """``rows``, whose files lie below ``root``, and after the first of int8 its placements of quantize operators, each
    with its file and manifest there. Nothing compares their pictures here: they are rounded less than the one that they
    are made of."""
    first = next((row for row in rows if row.precision == "int8" and row.runs), None)
    if first is None:
        return list(rows)
    place = rows.index(first) + 1
    return [*rows[:place], *_placed(first, root), *rows[place:]]


def _placed(row: Built, root: Path) -> list[Built]:
    made = []
    source = root / str(row.runs)
    manifest = read_manifest(source).content
    with TemporaryDirectory(prefix="edgegan-") as folder:
        for name, file in placements(source, Path(folder)).items():
            exceptions = dict(row.precision_exceptions) | {TOLD[part]: "not int8" for part in name.split("-")}
            onnx = root / f"{row.name}-{name}" / source.name
            write_bytes(onnx, file.read_bytes())
            entry = {"name": onnx.name, "sha256": sha256(onnx), "bytes": onnx.stat().st_size}
            write_manifest(onnx, manifest | {"files": [entry], "precision_exceptions": exceptions})
            own = str(onnx.relative_to(root))
            made.append(
                replace(
                    row,
                    name=f"{row.name}-{name}",
                    precision_exceptions=exceptions,
                    artifact=own,
                    runs=own,
                    bytes=onnx.stat().st_size,
                    notes=(f"{row.name} with fewer pairs of quantize and dequantize",),
                    seconds=None,
                )
            )
    return made


def write_variants(
    path: Path, rows: Sequence[Built], root: Path, subject: Subject, options: Options, wanted: Wanted
) -> Path:
    """Write those of ``rows`` that were built as variants, and ``wanted`` inputs and pictures for the device to compare
    with."""
    files = {row.name: root / row.runs for row in rows if row.runs}
    models, weights = share_weights(files, WEIGHTS)
    variants = [
        ({key: value for key, value in row.to_json().items() if key in SAID} | _plain(row), models[row.name])
        for row in rows
        if row.name in files
    ]
    description = {
        "target": options.target.to_json(),
        "model": subject.name,
        "command": BUILD_COMMAND,
        "gate": {"min_psnr_db": options.min_psnr, "min_snr_db": options.min_snr},
        "prefer": options.prefer,
        "seed": options.seed,
        "manifest": read_manifest(next(iter(files.values()))).content,
    }
    return write_bundle(path, description, variants, weights, _check(wanted))


def _plain(row: Built) -> dict[str, str]:
    return {"precision": row.precision or "fp32"}


def _check(wanted: Wanted) -> dict[str, np.ndarray]:
    """As many pictures as fit, two at least."""
    own = {f"input_{name}": value for name, value in wanted.inputs.items()} | {"image": wanted.network}
    if wanted.original is not wanted.network:
        own["original"] = wanted.original
    count = max(2, CHECK_BYTES // sum(value[0].nbytes for value in own.values()))
    return {name: value[:count] for name, value in own.items()}
