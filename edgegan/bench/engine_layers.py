"""Layers of a TensorRT engine, as its own inspector tells them: what was fused, and what each computes in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgegan.core.errors import ArtifactError, DeviceError, MissingPackageError, first_line
from edgegan.core.manifest import read_manifest
from edgegan.core.tensorrt import open_library
from edgegan.runtime.cuda import require_driver

PRECISIONS = (("int8", "int8"), ("fp8", "fp8"), ("half", "fp16"), ("fp16", "fp16"), ("bf16", "bf16"),
              ("bfloat16", "bf16"), ("float", "fp32"), ("fp32", "fp32"), ("int4", "int4"))  # fmt: skip
"""What names of formats hold, and how precisions are told; the first that fits."""


def engine_layers(plan: Path) -> tuple[list[dict[str, Any]] | None, str | None]:
    """``[{operator, precision, count, name}]``, one for each layer in the order of execution (``name`` tells the ONNX
    nodes that were fused into it), or None and why this machine cannot tell. Raises ArtifactError for a plan that is
    not this TensorRT's."""
    try:
        require_driver()
        trt = open_library(read_manifest(plan).backend, "Inspecting a plan")
    except (DeviceError, MissingPackageError) as exc:
        return None, f"TensorRT's inspector needs the device: {first_line(exc)}"
    engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(plan.read_bytes())
    if engine is None:
        raise ArtifactError(f"{trt.__name__} {trt.__version__} cannot load {plan}")
    inspector, form = engine.create_engine_inspector(), trt.LayerInformationFormat.JSON
    told = [inspector.get_layer_information(index, form) for index in range(engine.num_layers)]
    return [_row(json.loads(text)) for text in told], None


def _row(layer: Any) -> dict[str, Any]:
    """Engines that were built without detail tell a name alone."""
    if not isinstance(layer, dict):
        return {"operator": "?", "precision": "?", "count": 1, "name": str(layer)}
    kind = layer.get("LayerType", "?")
    return {"operator": kind, "precision": _precision(layer), "count": 1, "name": layer.get("Name", "?")}


def _precision(layer: dict[str, Any]) -> str:
    """Of its first input, of which layers read their precision."""
    tensors = layer.get("Inputs") or layer.get("Outputs") or []
    first = tensors[0] if tensors and isinstance(tensors[0], dict) else {}
    format_ = " ".join(str(first.get(key, "")) for key in ("Datatype", "DataType", "Format/Datatype", "Format")).lower()
    return next((precision for word, precision in PRECISIONS if word in format_), "?")
