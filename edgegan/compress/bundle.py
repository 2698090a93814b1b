"""What a run found, as the bundle of variants from which a device chooses."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edgegan.compress.options import Options
from edgegan.compress.references import Wanted
from edgegan.compress.rows import Built
from edgegan.compress.subject import Subject
from edgegan.core.files import disk_errors
from edgegan.core.manifest import file_entry, free_batch_range, read_manifest, write_manifest
from edgegan.export.bundle import BUILD_COMMAND, WEIGHTS, write_bundle
from edgegan.export.dynamic_batch import free_batch
from edgegan.export.onnx import NORMS, halve, has_norms
from edgegan.export.placements import TOLD, placements
from edgegan.export.shared_weights import share_weights
from edgegan.quantize.scheme import FloatParts

CHECK_BYTES, CALIBRATION_BYTES = 64 << 20, 16 << 20
"""Most that reference inputs and pictures take, and the inputs that ranges were found on, before they are packed."""
HALVED = "-fp16"
"""How names end of what has the rest of int8 in float16."""
SAID = ("name", "formulation", "precision", "precision_exceptions", "macs", "params", "bytes_moved")
"""What a bundle says of a variant, as the report does of a candidate."""


def with_more(rows: Sequence[Built], root: Path) -> list[Built]:
    """``rows``, whose files lie below ``root``, and what is made of them for the device to try: those of int8 with the
    rest in float16, and the first of them with fewer pairs of quantize operators; float16 with normalisation in
    float32. Their files and manifests lie there too; nothing compares their pictures here."""
    first = next((row for row in rows if row.precision == "int8" and row.runs), None)
    more: list[Built] = []
    for row in rows:
        more.append(row)
        if row.precision == "int8" and row.runs:
            more.append(_halved(row, root))
            more += _placed(row, root) if row is first else []
        if row.precision == "fp32" and row.runs and has_norms(root / row.runs):
            more.append(_norms_kept(row, root))
    return more


def _norms_kept(row: Built, root: Path) -> Built:
    source = root / str(row.runs)
    onnx = root / f"{row.name.removesuffix('-fp32')}-fp16-norms" / source.name
    halve(source, onnx, NORMS)
    made = _made_of(row, onnx, root, {FloatParts.STATISTICS.value: "fp32"}, "in float16, normalisation in float32")
    return replace(made, precision="fp16")


def _halved(row: Built, root: Path) -> Built:
    source = root / str(row.runs)
    onnx = root / f"{row.name}{HALVED}" / source.name
    halve(source, onnx)
    exceptions = {part: "fp16" if kind == "fp32" else kind for part, kind in row.precision_exceptions.items()}
    return _made_of(row, onnx, root, exceptions, "the rest in float16")


def _placed(row: Built, root: Path) -> list[Built]:
    """With the rest in float16, in which it is faster on every GPU."""
    made = []
    with TemporaryDirectory(prefix="edgegan-") as folder:
        for name, file in placements(root / str(row.runs), Path(folder)).items():
            onnx = root / f"{row.name}-{name}{HALVED}" / file.name
            halve(file, onnx)
            exceptions = dict(row.precision_exceptions) | {TOLD[part]: "fp16" for part in name.split("-")}
            made.append(_made_of(row, onnx, root, exceptions, "fewer pairs of quantize and dequantize"))
    return made


def _made_of(row: Built, onnx: Path, root: Path, exceptions: dict[str, str], how: str) -> Built:
    """The row of a file that was made of the row's, whose manifest is written."""
    entry = file_entry(onnx)
    changed = {"artifact": onnx.name, "files": [entry], "precision_exceptions": exceptions}
    write_manifest(onnx, read_manifest(root / str(row.runs)).content | changed)
    place = str(onnx.relative_to(root))
    return replace(
        row,
        name=onnx.parent.name,
        precision_exceptions=exceptions,
        artifact=place,
        runs=place,
        bytes=entry["bytes"],
        notes=(f"{row.name}, {how}",),
        seconds=None,
    )


def write_variants(
    path: Path, rows: Sequence[Built], root: Path, subject: Subject, options: Options, wanted: Wanted
) -> Path:
    """Write those of ``rows`` that were built as variants, and ``wanted`` inputs and pictures for the device to compare
    with."""
    files = {row.name: root / row.runs for row in rows if row.runs}
    manifest = {k: v for k, v in read_manifest(next(iter(files.values()))).content.items() if k != "created"}
    with disk_errors(path), TemporaryDirectory(prefix="bundle-", dir=root) as folder:
        if options.batches:
            manifest = manifest | {"batch": free_batch_range(options.batches)}
            least = options.batches[0]
            files = {name: free_batch(file, Path(folder) / f"{name}.onnx", least) for name, file in files.items()}
        weights = Path(folder) / WEIGHTS
        models = share_weights(files, weights)
        variants = [
            ({key: value for key, value in row.to_json().items() if key in SAID} | _plain(row), models[row.name])
            for row in rows
            if row.name in models
        ]
        description = {
            "target": options.target.to_json(),
            "model": subject.name,
            "command": BUILD_COMMAND,
            "gate": {
                "min_psnr_db": options.min_psnr,
                "min_snr_db": options.min_snr,
                "max_lpips": options.max_lpips,
            },
            "prefer": options.prefer,
            "seed": options.seed,
            "manifest": {**manifest, **subject.tiling},
        }
        return write_bundle(path, description, variants, weights, _check(wanted) | _calibration(subject, options))


def _plain(row: Built) -> dict[str, str]:
    return {"precision": row.precision or "fp32"}


def _calibration(subject: Subject, options: Options) -> dict[str, np.ndarray]:
    """The first of the inputs that ranges were found on, as many as fit, two batches at least."""
    names = [spec.name for spec in subject.graph.spec.inputs]
    batches = subject.calibration_batches(options)
    first = next(batches)
    count = max(2, CALIBRATION_BYTES // sum(value.nbytes for value in first))
    held = [first, *itertools.islice(batches, count - 1)]
    return {
        f"calibration_{name}": np.concatenate([value.numpy() for value in values])
        for name, values in zip(names, zip(*held, strict=True), strict=True)
    }


def _check(wanted: Wanted) -> dict[str, np.ndarray]:
    """As many pictures as fit, two at least."""
    own = {f"input_{name}": value for name, value in wanted.inputs.items()} | {"image": wanted.network}
    if wanted.original is not wanted.network:
        own["original"] = wanted.original
    count = max(2, CHECK_BYTES // sum(value[0].nbytes for value in own.values()))
    return {name: value[:count] for name, value in own.items()}
