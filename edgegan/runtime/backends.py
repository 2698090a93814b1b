"""Backend name -> where its session lives; nothing is imported before it is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from edgegan.core.errors import ArtifactError, nearest
from edgegan.runtime.session import Session


@dataclass(frozen=True, kw_only=True)
class Backend:
    """``module`` holds a class ``VendorSession``; ``packages`` are the distributions that bring the vendor's library,
    the preferred first (none: always there); ``extra`` is the EdgeGAN extra that installs it; ``suffix`` of its
    artifacts."""

    module: str
    packages: tuple[str, ...]
    extra: str
    suffix: str

    def version(self) -> str | None:
        """The installed version, None where the backend is missing."""
        for package in self.packages:
            try:
                return version(package)
            except PackageNotFoundError:
                continue
        return None if self.packages else "built in"


BACKENDS = {
    "onnxruntime": Backend(
        module="edgegan.runtime.onnxruntime",
        packages=("onnxruntime", "onnxruntime-gpu"),
        extra="onnxruntime",
        suffix=".onnx",
    ),
    "openvino": Backend(module="edgegan.runtime.openvino", packages=("openvino",), extra="openvino", suffix=".onnx"),
    "litert": Backend(
        module="edgegan.runtime.litert", packages=("ai-edge-litert", "tflite-runtime"), extra="litert", suffix=".tflite"
    ),
    "tensorrt-rtx": Backend(
        module="edgegan.runtime.tensorrt",
        packages=("tensorrt-rtx", "tensorrt_rtx"),
        extra="tensorrt-rtx",
        suffix=".plan",
    ),
    "tensorrt": Backend(module="edgegan.runtime.tensorrt", packages=("tensorrt",), extra="tensorrt", suffix=".plan"),
    "null": Backend(module="edgegan.runtime.null", packages=(), extra="", suffix=".null"),
}


def session_class(backend: str) -> type[Session]:
    """The session class of a backend; ArtifactError for a name that no version of EdgeGAN wrote."""
    if backend not in BACKENDS:
        raise ArtifactError(f"the manifest names the backend {backend!r}; {nearest(backend, BACKENDS)}")
    found: type[Session] = import_module(BACKENDS[backend].module).VendorSession
    return found
