"""ONNX -> TensorRT-RTX plan, ahead of time, on a machine that needs no GPU; and what NVIDIA's ONNX parser says of a file."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

from edgegan.core.errors import MissingPackageError, TargetError
from edgegan.core.files import write_bytes


def _load() -> Any:
    try:
        import tensorrt_rtx
    except (ImportError, OSError) as exc:
        raise MissingPackageError("tensorrt_rtx", "tensorrt-rtx", "Building and checking TensorRT engines") from exc
    return tensorrt_rtx


class _Parsed:
    """A network parsed from an ONNX file; keeps builder, network and parser alive together."""

    def __init__(self, onnx_file: Path) -> None:
        self.trt = _load()
        self.messages: list[str] = []
        self.builder = self.trt.Builder(_logger(self.trt, self.messages))
        self.network = self.builder.create_network(0)
        self.parser = self.trt.OnnxParser(self.network, _logger(self.trt, self.messages))
        if not self.parser.parse(onnx_file.read_bytes()):
            reasons = [self.parser.get_error(i).desc() for i in range(self.parser.num_errors)]
            raise TargetError(f"NVIDIA's ONNX parser refuses the generator: {reasons[0] if reasons else 'no reason given'}")


def _logger(trt: Any, messages: list[str]) -> Any:
    class Logger(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            if severity <= trt.ILogger.Severity.ERROR:
                messages.append(message)

    return Logger()


def check_with_parser(onnx_file: Path) -> dict[str, Any]:
    """Parse with NVIDIA's parser and count layers; raises TargetError where it refuses.

    Returns ``{"parser_version", "layers", "quantize_layers"}``.
    """
    parsed = _Parsed(onnx_file)
    kinds = [str(parsed.network.get_layer(i).type) for i in range(parsed.network.num_layers)]
    return {"parser_version": parsed.trt.__version__, "layers": len(kinds), "quantize_layers": sum(k.endswith("QUANTIZE") for k in kinds)}


def build_rtx_plan(onnx_file: Path, path: Path, compute_capability: str) -> dict[str, Any]:
    """Build ``path`` for one compute capability such as ``8.9``; no GPU or driver is needed.

    Returns the manifest's ``build`` entry. Raises TargetError where parser or builder refuse.
    """
    parsed = _Parsed(onnx_file)
    trt = parsed.trt
    name = "SM" + compute_capability.replace(".", "")
    if not hasattr(trt.ComputeCapability, name):
        raise TargetError(f"TensorRT-RTX {trt.__version__} does not know compute capability {compute_capability}")
    config = parsed.builder.create_builder_config()
    config.num_compute_capabilities = 1
    config.set_compute_capability(getattr(trt.ComputeCapability, name), 0)
    plan = parsed.builder.build_serialized_network(parsed.network, config)
    if plan is None:
        raise TargetError(f"TensorRT-RTX cannot build the generator: {parsed.messages[0] if parsed.messages else 'no reason given'}")
    size = plan.nbytes
    write_bytes(path, bytes(memoryview(plan)) if not isinstance(plan, int) else ctypes.string_at(plan, size))
    return {"compute_capability": compute_capability, "flags": ["strongly_typed"], "versions": {"tensorrt_rtx": trt.__version__}, "built_on_device": False}
