"""A graph in float32 as an artifact, and the bare vendor's call for it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.common import litert_contender, onnxruntime_contender, openvino_contender
from edgegan.compress.backends.contract import Artifact
from edgegan.export.litert import export_litert
from edgegan.export.onnx import export_onnx
from edgegan.graph.graph import Graph
from edgegan.graph.rewrite import rewrite

BARE = {"litert": litert_contender, "onnxruntime": onnxruntime_contender, "openvino": openvino_contender}


def artifact(backend: str, folder: Path, graph: Graph, model: str) -> Path:
    """``graph`` in float32 as an artifact with its manifest, in a folder of the backend's below ``folder``."""
    folder = folder / backend
    folder.mkdir()
    if backend == "litert":
        path = export_litert(rewrite(graph, "phase-nhwc").value.module, graph.example_inputs(), folder / "g.tflite")
    else:
        path = export_onnx(graph, folder / "g.onnx")
    Artifact(path, backend).write_manifest(graph, precision="fp32", target="x86-cpu", model=model, weights_sha256="")
    return path
