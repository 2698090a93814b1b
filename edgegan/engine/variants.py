"""Engines of a bundle's variants, each with the manifest by which it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgegan.compress.rows import Built
from edgegan.core.errors import OutputError, TargetError, first_line
from edgegan.core.files import sha256, write_bytes
from edgegan.core.manifest import write_manifest
from edgegan.core.stage import stopwatch
from edgegan.export.bundle import Bundle, Variant
from edgegan.export.tensorrt.device import EngineOptions, build_device_engine

BASELINE = "baseline"
"""The name of the variant that is the network as it came, against which the others are told."""
PLAN = "g.plan"


@dataclass
class Builds:
    """Builds into ``root/NAME/g.plan``. ``machine``: compute capability and platform, as manifests have them.
    ``timing_cache``: where what the builder measures is kept between builds; a bundle's folder that cannot be written
    is told in ``notes``, once."""

    bundle: Bundle
    root: Path
    options: EngineOptions
    machine: Mapping[str, Any]
    timing_cache: Path
    notes: list[str] = field(default_factory=list)
    _known: bytes = b""

    def __post_init__(self) -> None:
        if self.timing_cache.is_file():
            self._known = self.timing_cache.read_bytes()

    def build(self, variant: Variant) -> Built:
        """The variant's row; a refusal by TensorRT is described there, not raised."""
        row = _row(variant)
        plan = self.root / variant.name / PLAN
        with stopwatch() as seconds:
            try:
                engine = build_device_engine(variant.onnx, variant.precision, self.options, self._known)
            except TargetError as exc:
                return replace(row, error=first_line(exc), seconds=seconds())
            write_bytes(plan, engine.plan)
            self._write_manifest(plan, variant, engine.manifest(self.machine), engine.version)
            if engine.timing_cache is not None:
                self._remember(engine.timing_cache)
            place = str(plan.relative_to(self.root))
            return replace(
                row, artifact=place, runs=place, bytes=len(engine.plan), notes=engine.notes, seconds=seconds()
            )

    def all(self, told: Callable[[int, int], object]) -> list[Built]:
        rows = []
        for index, variant in enumerate(self.bundle.variants):
            told(index, len(self.bundle.variants))
            rows.append(self.build(variant))
        return rows

    def _remember(self, content: bytes) -> None:
        self._known = content
        try:
            write_bytes(self.timing_cache, content)
        except OutputError as exc:
            note = f"timings are not kept for the next build: {first_line(exc)}"
            if note not in self.notes:
                self.notes.append(note)

    def _write_manifest(self, plan: Path, variant: Variant, build: Mapping[str, Any], version: str) -> None:
        own = {
            "artifact": plan.name,
            "files": [{"name": plan.name, "sha256": sha256(plan), "bytes": plan.stat().st_size}],
            "backend": "tensorrt",
            "backend_version": version,
            "precision": variant.precision,
            "precision_exceptions": variant.described.get("precision_exceptions", {}),
            "build": dict(build),
        }
        write_manifest(plan, self.bundle.description["manifest"] | own)


def _row(variant: Variant) -> Built:
    """What the bundle says of it; a bundle of schema 1 says less."""
    said = {"macs": 0, "params": 0, "bytes_moved": 0} | variant.described
    formulation = None if variant.name == BASELINE else said.get("formulation") or "as exported"
    row = Built.from_json(said | {"notes": (), "backend": "tensorrt"})
    return replace(row, formulation=formulation)
