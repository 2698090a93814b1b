"""ONNX -> TensorRT: plans for RTX ahead of time without a GPU, engines on the device, and what NVIDIA's parser says."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from edgegan.core.errors import MissingPackageError, TargetError
from edgegan.core.files import write_bytes

EXTRAS = {"tensorrt": "tensorrt", "tensorrt_rtx": "tensorrt-rtx"}


def _load(package: str) -> Any:
    try:
        return import_module(package)
    except (ImportError, OSError) as exc:
        raise MissingPackageError(package, EXTRAS[package], "Building and checking TensorRT engines") from exc


class _Parsed:
    """A network parsed from ONNX; keeps builder, network and parser alive together."""

    def __init__(self, package: str, onnx: bytes) -> None:
        self.trt = _load(package)
        self.messages: list[str] = []
        self.layers: list[str] = []
        self._log = _logger(self.trt, self.messages, self.layers)
        self.builder = self.trt.Builder(self._log)
        self.network = self.builder.create_network(self._flags())
        self.parser = self.trt.OnnxParser(self.network, self._log)
        if not self.parser.parse(onnx):
            reasons = [self.parser.get_error(i).desc() for i in range(self.parser.num_errors)]
            raise TargetError(
                f"NVIDIA's ONNX parser refuses the generator: {reasons[0] if reasons else 'no reason given'}"
            )

    def _flags(self) -> int:
        """Strong typing, where precision lives in the ONNX: always on in RTX and TensorRT 11, a flag in 10, absent in
        8."""
        kinds = self.trt.NetworkDefinitionCreationFlag
        self.strong = (
            package_is_rtx(self.trt) or not hasattr(self.trt.BuilderFlag, "FP16") or hasattr(kinds, "STRONGLY_TYPED")
        )
        return (
            1 << int(kinds.STRONGLY_TYPED) if hasattr(kinds, "STRONGLY_TYPED") and not package_is_rtx(self.trt) else 0
        )

    def serialize(self, config: Any) -> bytes:
        plan = self.builder.build_serialized_network(self.network, config)
        if plan is None:
            raise TargetError(
                f"TensorRT cannot build the generator: {self.messages[0] if self.messages else 'no reason given'}"
            )
        return bytes(plan)


def package_is_rtx(trt: Any) -> bool:
    return bool(trt.__name__ == "tensorrt_rtx")


def _logger(trt: Any, messages: list[str], layers: list[str]) -> Any:
    """A logger that keeps errors in ``messages``, and in ``layers`` what the build log says of each layer of the
    engine."""

    class Logger(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            if severity <= trt.ILogger.Severity.ERROR:
                messages.append(message)
            elif message.startswith("Layers:"):
                layers.extend(message.splitlines()[1:])

    return Logger()


def check_with_parser(onnx_file: Path) -> dict[str, Any]:
    """Parse with NVIDIA's parser (tensorrt-rtx brings it) and count layers; raises TargetError where it refuses.

    Returns ``{"parser_version", "layers", "quantize_layers"}``.
    """
    parsed = _Parsed("tensorrt_rtx", onnx_file.read_bytes())
    kinds = [str(parsed.network.get_layer(i).type) for i in range(parsed.network.num_layers)]
    return {
        "parser_version": parsed.trt.__version__,
        "layers": len(kinds),
        "quantize_layers": sum(k.endswith("QUANTIZE") for k in kinds),
    }


@dataclass(frozen=True)
class RtxEngine:
    """A serialized engine, and how many of its convolutions and matrix products take inputs of which type (``Int8``,
    ``Half``, ``Float``), as the build log has it."""

    plan: bytes
    precisions: Counter[str]


def build_rtx(onnx_file: Path, compute_capability: str = "8.9") -> RtxEngine:
    """An engine for one compute capability; no GPU or driver is needed. Raises TargetError where parser or builder
    refuse."""
    parsed = _Parsed("tensorrt_rtx", onnx_file.read_bytes())
    config = _rtx_config(parsed, compute_capability)
    config.profiling_verbosity = parsed.trt.ProfilingVerbosity.DETAILED
    plan = parsed.serialize(config)
    precisions: Counter[str] = Counter()
    for line in parsed.layers:
        kind = re.search(r"LayerType: (gemm|correlation|convolution|conv)\b", line)
        first = re.search(r"Datatype: (\w+)", line)
        if kind and first:
            precisions[first[1]] += 1
    return RtxEngine(plan, precisions)


def rtx_manifest(compute_capability: str) -> dict[str, Any]:
    """The manifest's ``build`` entry of an engine from ``build_rtx``."""
    return {
        "compute_capability": compute_capability,
        "flags": ["strongly_typed"],
        "versions": {"tensorrt_rtx": _load("tensorrt_rtx").__version__},
        "built_on_device": False,
    }


def _rtx_config(parsed: _Parsed, compute_capability: str) -> Any:
    name = "SM" + compute_capability.replace(".", "")
    capability = getattr(parsed.trt.ComputeCapability, name, None)
    if capability is None:
        raise TargetError(
            f"TensorRT-RTX {parsed.trt.__version__} does not know compute capability {compute_capability}"
        )
    config = parsed.builder.create_builder_config()
    config.num_compute_capabilities = 1
    config.set_compute_capability(capability, 0)
    return config


def build_device_engine(onnx: bytes, path: Path, precision: str) -> dict[str, Any]:
    """On the device: build ``path`` with its TensorRT for its own GPU. Returns the manifest's ``build`` entry.

    Where TensorRT has no strong typing (8.x), the precision is allowed by builder flags instead.
    """
    parsed = _Parsed("tensorrt", onnx)
    config = parsed.builder.create_builder_config()
    flags = ["strongly_typed"] if parsed.strong else []
    if not parsed.strong:
        for name in ["FP16"] * (precision != "fp32") + ["INT8"] * precision.startswith("int8"):
            config.set_flag(getattr(parsed.trt.BuilderFlag, name))
            flags.append(name.lower())
    write_bytes(path, parsed.serialize(config))
    return {
        "compute_capability": None,
        "flags": flags,
        "versions": {"tensorrt": parsed.trt.__version__},
        "built_on_device": True,
    }
