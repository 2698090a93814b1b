"""A graph as an artifact of any backend that this machine can execute."""

from edgegan.compress.backends.contract import Artifact
from edgegan.core.backends import BACKENDS
from edgegan.export.litert import export_litert
from edgegan.export.onnx import export_onnx
from edgegan.graph.pixels import with_pixels
from edgegan.graph.rewrite import rewrite

EXECUTED = ("null", "onnxruntime", "openvino", "litert")


def artifact(backend, folder, graph, pixels=False):
    path = folder / f"g{BACKENDS[backend].suffix}"
    made = with_pixels(graph) if pixels else graph
    if backend == "null":
        path.write_bytes(b"nothing")
    elif backend == "litert":
        rewritten = rewrite(made, "phase-nhwc").value
        export_litert(rewritten.module, rewritten.example_inputs(), path)
    else:
        export_onnx(made, path)
    build = {"inference_precision": "f32"} if backend == "openvino" else {}
    Artifact(path, backend, build).write_manifest(
        graph, precision="fp32", target="x86-cpu", model="tiny", weights_sha256="0", pixels=pixels
    )
    return path
