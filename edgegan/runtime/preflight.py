"""Whether a plan can run here at all, told before TensorRT's own message, which is about serialization versions."""

from __future__ import annotations

import platform
from typing import Any

from edgegan.core.errors import ArtifactError
from edgegan.core.manifest import Manifest
from edgegan.core.tensorrt import LIBRARIES

AMPERE = 8
"""Major compute capability from which on hardware-compatible engines run."""
AGAIN = {
    "tensorrt": "build it again on this device: edgegan build g.edgegan --out engine",
    "tensorrt-rtx": "compress again for this card: edgegan compress --target rtx-20 to rtx-50",
}


def machine_name() -> str:
    """Such as linux-aarch64."""
    return f"{platform.system().lower()}-{platform.machine().lower()}"


def check_plan(manifest: Manifest, trt: Any, compute_capability: str) -> None:
    """Raise ArtifactError where the plan was built for another TensorRT, GPU or platform than those of this machine;
    what its manifest does not tell is not held against it."""
    version = str(trt.__version__)
    build = manifest.content["build"]
    flags = build.get("flags", [])
    reasons = [
        _why_not_version(manifest.backend, build, version, flags),
        _why_not_gpu(build.get("compute_capability"), compute_capability, flags),
        _why_not_platform(build.get("platform")),
    ]
    told = [reason for reason in reasons if reason]
    if told:
        raise ArtifactError(f"{manifest.artifact} {'; '.join(told)}.\nTo run it here, {AGAIN[manifest.backend]}")


def check_validity(manifest: Manifest, trt: Any, runtime: Any, plan: bytes) -> None:
    """Ask TensorRT for RTX itself (1.1 on). Raises ArtifactError with its diagnostics."""
    validity, found = runtime.get_engine_validity(plan)
    if validity == trt.EngineValidity.INVALID:
        kinds = trt.EngineInvalidityDiagnostics.__members__
        why = ", ".join(name.lower().replace("_", " ") for name, bit in kinds.items() if int(found) & int(bit))
        raise ArtifactError(
            f"{manifest.artifact} is not valid here, as TensorRT for RTX has it: {why or found}.\n"
            f"To run it here, {AGAIN[manifest.backend]}"
        )


def _why_not_version(backend: str, build: dict[str, Any], version: str, flags: list[str]) -> str | None:
    built = build.get("versions", {}).get(LIBRARIES[backend].module)
    if built is None or built == version:
        return None
    own, here = built.split("."), version.split(".")
    if "version_compatible" in flags and own[0] == here[0] and _numbers(own) <= _numbers(here):
        return None
    return f"was built with TensorRT {built}, and this is {version}"


def _numbers(parts: list[str]) -> list[int]:
    return [int(part) for part in parts if part.isdigit()]


def _why_not_gpu(built: str | None, here: str, flags: list[str]) -> str | None:
    if built is None or built == here:
        return None
    if "hardware_compatible" in flags and int(here.split(".")[0]) >= AMPERE:
        return None
    return f"was built for compute capability {built}, and this GPU has {here}"


def _why_not_platform(built: str | None) -> str | None:
    here = machine_name()
    return None if built in (None, here) else f"was built on {built}, and this is {here}"
