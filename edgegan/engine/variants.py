"""A bundle's variants, made by all that this device has, each with the manifest by which it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from edgegan.compress.rows import Built
from edgegan.core.errors import TargetError, first_line
from edgegan.core.manifest import file_entry, now, write_manifest
from edgegan.core.stage import stopwatch
from edgegan.engine.makers import Made, Maker
from edgegan.export.bundle import Bundle, Variant

BASELINE = "baseline"
"""The name of the variant that is the network as it came, against which the others are told."""


def make_all(bundle: Bundle, makers: Sequence[Maker], root: Path, told: Callable[[int, int], object]) -> list[Built]:
    """A row for each variant and maker that takes it, its files in ``root/NAME``; the network as it came is made by the
    first alone. What a vendor's library refuses is described, not raised."""
    pairs = [
        (variant, maker)
        for variant in bundle.variants
        for maker in makers
        if maker is makers[0] or (variant.name != BASELINE and maker.takes(variant.precision))
    ]
    rows = []
    for index, (variant, maker) in enumerate(pairs):
        told(index, len(pairs))
        rows.append(make(bundle, variant, maker, root))
    return rows


def make(bundle: Bundle, variant: Variant, maker: Maker, root: Path) -> Built:
    """The row of what ``maker`` makes of the variant, its files and manifest in ``root/NAME``."""
    row = _row(variant, maker)
    folder = root / row.name
    with stopwatch() as seconds:
        if not maker.takes(variant.precision):
            return replace(row, error=f"{maker.backend} does not compute in {variant.precision}")
        try:
            made = maker.make(variant, folder)
        except TargetError as exc:
            return replace(row, error=first_line(exc), seconds=seconds())
        _write_manifest(bundle, variant, maker, made)
        place = str(made.files[0].relative_to(root))
        size = sum(file.stat().st_size for file in made.files)
        return replace(row, artifact=place, runs=place, bytes=size, notes=made.notes, seconds=seconds())


def _write_manifest(bundle: Bundle, variant: Variant, maker: Maker, made: Made) -> None:
    artifact = made.files[0]
    own = {
        "artifact": artifact.name,
        "files": [file_entry(file) for file in made.files],
        "backend": maker.backend,
        "backend_version": made.version,
        "precision": variant.precision,
        "precision_exceptions": variant.described.get("precision_exceptions", {}),
        "build": dict(made.build),
        "created": now(),
    }
    write_manifest(artifact, bundle.description["manifest"] | own)


def _row(variant: Variant, maker: Maker) -> Built:
    """What the bundle says of it, under a name that begins with the backend; a bundle of schema 1 says less."""
    said = {"macs": 0, "params": 0, "bytes_moved": 0} | variant.described
    row = Built.from_json(said | {"notes": (), "backend": maker.backend})
    if variant.name == BASELINE:
        return replace(row, formulation=None)
    name = variant.name if maker.backend == "tensorrt" else f"{maker.backend}-{variant.name.removeprefix('tensorrt-')}"
    return replace(row, name=name, formulation=said.get("formulation") or "as exported")
