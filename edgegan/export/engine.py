"""What happens on the device: a bundle becomes an engine, and the engine's pictures are compared with the bundle's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgegan.core.errors import GateError
from edgegan.core.files import sha256
from edgegan.core.manifest import read_manifest, write_manifest
from edgegan.export.bundle import read_bundle
from edgegan.export.tensorrt import build_device_engine
from edgegan.metrics.pairwise import psnr_db
from edgegan.runtime import load

LEAST_PSNR_DB = 20.0
"""Below this an engine does not compute the network that the bundle holds, whatever its precision."""


@dataclass(frozen=True)
class Built:
    plan: Path
    precision: str
    backend_version: str
    psnr_db: float


def build_engine(bundle: Path, out: Path) -> Built:
    """Build ``out/g.plan`` with the device's own TensorRT. Raises MissingPackageError without it, ArtifactError for a
    damaged bundle, GateError when the engine's pictures are not the network's."""
    if bundle.with_name(f"{bundle.name}.json").exists():
        read_manifest(bundle)
    content = read_bundle(bundle)
    description = content.description
    plan = out / "g.plan"
    built = build_device_engine(content.onnx, plan, description["precision"])
    version = built["versions"]["tensorrt"]
    manifest = description["manifest"] | {
        "artifact": plan.name,
        "files": [{"name": plan.name, "sha256": sha256(plan), "bytes": plan.stat().st_size}],
        "backend": "tensorrt",
        "backend_version": version,
        "build": built,
    }
    write_manifest(plan, manifest)
    with load(plan) as generator:
        inputs = {name: content.check[f"input_{name}"] for name in (i.name for i in generator.inputs)}
        psnr = psnr_db(content.check["image"], generator.images(inputs), generator.output_range)
    if psnr < LEAST_PSNR_DB:
        raise GateError(
            f"{plan} gives pictures {psnr:.1f} dB from the network's; rebuild with another precision: edgegan compress "
            "--precision fp16"
        )
    return Built(plan, str(description["precision"]), f"TensorRT {version}", psnr)
