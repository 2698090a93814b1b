"""What makes artifacts of a bundle's variants on this device: TensorRT, ONNX Runtime's CUDA provider, and PyTorch's
ahead-of-time compiler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from edgegan.core.errors import GeneratorError, MissingPackageError, OutputError, TargetError, first_line
from edgegan.core.files import write_bytes
from edgegan.core.tensorrt import open_library
from edgegan.export.bundle import WEIGHTS, Variant
from edgegan.export.tensorrt.device import EngineOptions, build_device_engine
from edgegan.export.tensorrt.network import ParsedNetwork
from edgegan.export.tensorrt.pairs import pairs
from edgegan.runtime.cuda import compute_capability
from edgegan.runtime.preflight import machine_name

CUDA_PROVIDER = "CUDAExecutionProvider"


@dataclass(frozen=True, kw_only=True)
class Made:
    """Files in one folder, the artifact first, and what its manifest says of how it was built."""

    files: tuple[Path, ...]
    build: Mapping[str, Any]
    version: str
    notes: tuple[str, ...] = ()


class Maker(Protocol):
    """``backend``: whose session loads what it makes; ``notes``: what it could not do."""

    backend: str
    version: str
    notes: list[str]

    def takes(self, precision: str) -> bool: ...

    def make(self, variant: Variant, folder: Path) -> Made:
        """Raises TargetError where the vendor's library refuses."""
        ...


@dataclass
class TensorRtMaker:
    """``timing_cache``: where what the builder measures is kept between builds; a folder that cannot be written is told
    in ``notes``, once."""

    options: EngineOptions
    machine: Mapping[str, Any]
    version: str
    timing_cache: Path
    backend = "tensorrt"
    notes: list[str] = field(default_factory=list)
    _known: bytes = b""

    def __post_init__(self) -> None:
        if self.timing_cache.is_file():
            self._known = self.timing_cache.read_bytes()

    def takes(self, precision: str) -> bool:
        return True

    def make(self, variant: Variant, folder: Path) -> Made:
        engine = build_device_engine(
            variant.onnx, variant.precision, self.options, self._known, without=variant.without
        )
        plan = folder / "g.plan"
        write_bytes(plan, engine.plan)
        if engine.timing_cache is not None:
            self._remember(engine.timing_cache)
        return Made(files=(plan,), build=engine.manifest(self.machine), version=engine.version, notes=engine.notes)

    def pairs(self, variant: Variant) -> tuple[str, ...]:
        """Of quantize and dequantize, in the variant. Raises TargetError where the parser refuses it."""
        return pairs(ParsedNetwork(self.backend, variant.onnx, weakly=self.options.dla_core is not None))

    def _remember(self, content: bytes) -> None:
        self._known = content
        try:
            write_bytes(self.timing_cache, content)
        except OutputError as exc:
            note = f"timings are not kept for the next build: {first_line(exc)}"
            if note not in self.notes:
                self.notes.append(note)


@dataclass
class CudaMaker:
    """The ONNX as it is; its int8 layers would be computed in float, so that it takes none of int8."""

    machine: Mapping[str, Any]
    version: str
    backend = "onnxruntime-cuda"
    notes: list[str] = field(default_factory=list)

    def takes(self, precision: str) -> bool:
        return precision in ("fp32", "fp16")

    def make(self, variant: Variant, folder: Path) -> Made:
        onnx, weights = folder / "g.onnx", folder / WEIGHTS
        write_bytes(onnx, variant.onnx.read_bytes())
        write_bytes(weights, variant.onnx.with_name(WEIGHTS).read_bytes())
        build = {**self.machine, "flags": [], "versions": {"onnxruntime": self.version}, "built_on_device": True}
        return Made(files=(onnx, weights), build=build, version=self.version)


@dataclass
class PyTorchMaker:
    """The float ONNX as a PyTorch module, compiled for ``device`` and one number of samples at once."""

    machine: Mapping[str, Any]
    version: str
    batches: tuple[int, int, int]
    device: str = "cuda"
    backend = "pytorch"
    notes: list[str] = field(default_factory=list)

    def takes(self, precision: str) -> bool:
        return precision in ("fp32", "fp16")

    def make(self, variant: Variant, folder: Path) -> Made:
        import torch

        from edgegan.export.pytorch_package import export_package
        from edgegan.models.onnx_import import import_onnx

        least, batch, most = self.batches
        if least != most:
            raise TargetError("PyTorch compiles it for one batch, and this bundle leaves that free")
        try:
            module, inputs = import_onnx(variant.onnx, batch)
        except GeneratorError as exc:
            raise TargetError(f"PyTorch is not given the generator: {first_line(exc)}") from exc
        given = [torch.zeros(batch, *shape, dtype=getattr(torch, dtype)) for _, shape, dtype in inputs]
        path = export_package(module, given, folder / "g.pt2", self.device, half=variant.precision == "fp16")
        versions = {"torch": self.version}
        build = {**self.machine, "device": self.device, "flags": [], "versions": versions, "built_on_device": True}
        return Made(files=(path,), build=build, version=self.version)


def makers(options: EngineOptions, timing_cache: Path) -> list[Maker]:
    """Those that this device has, TensorRT first. Raises MissingPackageError where it has none, DeviceError without a
    GPU."""
    missing: MissingPackageError | None = None
    found: list[Maker] = []
    try:
        version = str(open_library("tensorrt", "Building a TensorRT engine").__version__)
        found.append(TensorRtMaker(options, _machine(), version, timing_cache))
    except MissingPackageError as exc:
        missing = exc
    cuda = _cuda_provider()
    if cuda is not None:
        found.append(CudaMaker(_machine(), cuda))
    torch = _torch_with_cuda()
    if torch is not None:
        found.append(PyTorchMaker(_machine(), torch, options.batches))
    if not found and missing is not None:
        raise missing
    return found


def _machine() -> dict[str, Any]:
    return {"compute_capability": compute_capability(), "platform": machine_name()}


def _cuda_provider() -> str | None:
    """The version of an ONNX Runtime that was built for CUDA."""
    try:
        ort = import_module("onnxruntime")
    except ImportError:
        return None
    return str(ort.__version__) if CUDA_PROVIDER in ort.get_available_providers() else None


def _torch_with_cuda() -> str | None:
    """The version of a PyTorch that computes on this GPU."""
    try:
        from edgegan.export.pytorch_package import version_with_cuda
    except ImportError:
        return None
    return version_with_cuda()
