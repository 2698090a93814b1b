"""A graph as an artifact of any backend that this machine can execute."""

from edgegan.core.backends import BACKENDS
from edgegan.core.manifest import describe, write_manifest
from edgegan.export.litert import export_litert
from edgegan.export.onnx import export_onnx
from edgegan.graph.pixels import with_pixels
from edgegan.graph.rewrite import rewrite

EXECUTED = ("null", "onnxruntime", "openvino", "litert")


def artifact(backend, folder, graph, pixels=False):
    path = folder / f"g{BACKENDS[backend].suffix}"
    shape = graph.output_shape[1:]
    graph = with_pixels(graph) if pixels else graph
    if backend == "null":
        path.write_bytes(b"nothing")
    elif backend == "litert":
        rewritten = rewrite(graph, "phase-nhwc").value
        export_litert(rewritten.module, rewritten.example_inputs(), path)
    else:
        export_onnx(graph, path)
    build = {"inference_precision": "f32"} if backend == "openvino" else {}
    write_manifest(
        path,
        describe(
            artifact=path,
            backend=backend,
            backend_version="x",
            target="x86-cpu",
            precision="fp32",
            spec=graph.spec,
            output_shape=shape,
            batch=graph.batch,
            model="tiny",
            weights_sha256="0",
            build=build,
            pixels=pixels,
        ),
    )
    return path
