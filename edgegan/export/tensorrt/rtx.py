"""Plans of TensorRT for RTX, made ahead of time for one compute capability; no GPU or driver is needed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgegan.core.errors import TargetError
from edgegan.core.tensorrt import open_library
from edgegan.export.tensorrt.network import ParsedNetwork


@dataclass(frozen=True)
class RtxEngine:
    """A serialized engine, and how many of its convolutions and matrix products take inputs of which type (``Int8``,
    ``Half``, ``Float``), as the build log has it."""

    plan: bytes
    precisions: Counter[str]


def build_rtx(onnx: Path, compute_capability: str = "8.9", batches: tuple[int, int, int] | None = None) -> RtxEngine:
    """``batches``: the least, the usual and the most samples, where the graph's batch is free. Raises TargetError where
    parser or builder refuse, or do not know the compute capability."""
    parsed = ParsedNetwork("tensorrt-rtx", onnx)
    config = _config(parsed, compute_capability)
    if batches:
        parsed.add_profile(config, batches)
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
        "versions": {"tensorrt_rtx": open_library("tensorrt-rtx", "Building plans for RTX").__version__},
        "built_on_device": False,
    }


def _config(parsed: ParsedNetwork, compute_capability: str) -> Any:
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
