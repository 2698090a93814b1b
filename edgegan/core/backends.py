"""The backends: one row each, by which the runtime finds its session and compressing its builder.

A backend of somebody else's package needs no change here: its row is an entry point of the group ``edgegan.backends``
under the backend's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, entry_points, version

from edgegan.core.errors import ArtifactError, GeneratorError, nearest

GROUP = "edgegan.backends"


@dataclass(frozen=True, kw_only=True)
class Backend:
    """``session``: the module that holds its ``VendorSession``; ``builder``: ``module:object`` that makes its artifacts
    (``edgegan.compress.backends``). ``packages``: the distributions that bring the vendor's library, the preferred
    first (none: always there). ``extra``: the EdgeGAN extra that installs it. ``suffix``: of its artifacts.
    ``on_phones``: whether the vendor's benchmark_model times them on a phone. ``on_gpu``: whether they compute in a
    GPU's memory. ``profiler``: the module whose
    ``profile`` asks the vendor's profiler for the time of each layer (``edgegan.bench.profile.contract.Profiler``).
    """

    session: str
    builder: str
    packages: tuple[str, ...]
    extra: str
    suffix: str
    on_phones: bool = False
    on_gpu: bool = False
    profiler: str | None = None

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
        session="edgegan.runtime.onnxruntime",
        builder="edgegan.compress.backends.onnxruntime:BUILDER",
        packages=("onnxruntime", "onnxruntime-gpu"),
        extra="onnxruntime",
        suffix=".onnx",
        profiler="edgegan.bench.profile.onnxruntime",
    ),
    "onnxruntime-cuda": Backend(
        session="edgegan.runtime.onnxruntime_cuda",
        builder="edgegan.compress.backends.onnxruntime:CUDA_BUILDER",
        packages=("onnxruntime-gpu",),
        extra="cuda",
        suffix=".onnx",
        on_gpu=True,
    ),
    "openvino": Backend(
        session="edgegan.runtime.openvino",
        builder="edgegan.compress.backends.openvino:BUILDER",
        packages=("openvino",),
        extra="openvino",
        suffix=".onnx",
        profiler="edgegan.bench.profile.openvino",
    ),
    "litert": Backend(
        session="edgegan.runtime.litert",
        builder="edgegan.compress.backends.litert:BUILDER",
        packages=("ai-edge-litert", "tflite-runtime"),
        extra="litert",
        suffix=".tflite",
        on_phones=True,
        profiler="edgegan.bench.profile.litert",
    ),
    "tensorrt-rtx": Backend(
        session="edgegan.runtime.tensorrt",
        builder="edgegan.compress.backends.tensorrt:RTX_BUILDER",
        packages=("tensorrt-rtx", "tensorrt_rtx"),
        extra="tensorrt-rtx",
        suffix=".plan",
        on_gpu=True,
        profiler="edgegan.bench.profile.tensorrt",
    ),
    "tensorrt": Backend(
        session="edgegan.runtime.tensorrt",
        builder="edgegan.compress.backends.tensorrt:BUILDER",
        packages=("tensorrt",),
        extra="tensorrt",
        suffix=".plan",
        on_gpu=True,
        profiler="edgegan.bench.profile.tensorrt",
    ),
    "pytorch": Backend(
        session="edgegan.runtime.pytorch",
        builder="edgegan.compress.backends.pytorch:BUILDER",
        packages=("torch",),
        extra="compress",
        suffix=".pt2",
        on_gpu=True,
    ),
    "null": Backend(
        session="edgegan.runtime.null",
        builder="edgegan.compress.backends.null:BUILDER",
        packages=(),
        extra="",
        suffix=".null",
    ),
}


@cache
def _of_other_packages() -> dict[str, Backend]:
    rows = {}
    for point in entry_points(group=GROUP):
        row = point.load()
        if not isinstance(row, Backend):
            raise GeneratorError(f"the entry point {point.value} of {GROUP} is no edgegan.core.backends.Backend")
        rows[point.name] = row
    return rows


def backend_names() -> tuple[str, ...]:
    return (*BACKENDS, *_of_other_packages())


def backend(name: str) -> Backend:
    """The row of a backend. Raises ArtifactError for a name that neither EdgeGAN nor an installed package knows."""
    row = BACKENDS.get(name) or _of_other_packages().get(name)
    if row is None:
        raise ArtifactError(f"there is no backend {name!r}; {nearest(name, backend_names())}")
    return row
