"""``--for triton``: a model repository of NVIDIA's Triton Inference Server."""

from __future__ import annotations

from pathlib import Path

from edgegan.core.errors import TargetError
from edgegan.core.files import write_bytes
from edgegan.core.manifest import Manifest

BACKENDS = {"onnxruntime": "onnxruntime", "openvino": "openvino", "tensorrt": "tensorrt"}
NAMES = {"onnxruntime": "model.onnx", "openvino": "model.onnx", "tensorrt": "model.plan"}
TYPES = {"float32": "TYPE_FP32", "int64": "TYPE_INT64", "uint8": "TYPE_UINT8"}
WAIT_US = 2000
"""How long a request waits for others, where the batch is free."""


def package(manifest: Manifest, out: Path) -> list[str]:
    """Write ``generator/config.pbtxt`` and ``generator/1/``; returns what to do next. Raises TargetError for a backend
    that Triton does not serve."""
    if manifest.backend not in BACKENDS:
        raise TargetError(f"{manifest.artifact.name} is for {manifest.backend}; Triton serves {', '.join(BACKENDS)}")
    version = out / "generator" / "1"
    for entry in manifest.content["files"]:
        file = manifest.path.parent / str(entry["name"])
        name = NAMES[manifest.backend] if file.suffix != ".xml" and file == manifest.artifact else file.name
        if file.suffix in (".xml", ".bin") and file.stem == manifest.artifact.stem:
            name = f"model{file.suffix}"
        write_bytes(version / name, file.read_bytes())
    write_bytes(out / "generator" / "config.pbtxt", config(manifest).encode())
    return [
        f"tritonserver --model-repository {out.resolve()}",
        "inputs and outputs are the artifact's own floats: latents in, values of the output range out",
        "our tests read this configuration; no Triton server was at hand to load it",
    ]


def config(manifest: Manifest) -> str:
    """``config.pbtxt``. A free batch is batched by the server; a fixed one is part of the shapes."""
    least, most = manifest.batches
    is_free = least < most
    lines = [
        'name: "generator"',
        f'backend: "{BACKENDS[manifest.backend]}"',
        f"max_batch_size: {most if is_free else 0}",
    ]
    for kind, tensors in (("input", manifest.content["inputs"]), ("output", manifest.content["outputs"])):
        for tensor in tensors:
            sides = tensor["shape"][1:] if is_free else [most, *tensor["shape"][1:]]
            lines += [
                f"{kind} [",
                "  {",
                f'    name: "{tensor["name"]}"',
                f"    data_type: {TYPES[tensor['dtype']]}",
                f"    dims: [ {', '.join(map(str, sides or [1]))} ]",
                "  }",
                "]",
            ]
    if manifest.backend == "openvino" and manifest.artifact.suffix == ".xml":
        lines.append('default_model_filename: "model.xml"')
    elif manifest.backend == "openvino":
        lines.append('default_model_filename: "model.onnx"')
    if is_free:
        lines += ["dynamic_batching {", f"  max_queue_delay_microseconds: {WAIT_US}", "}"]
    return "\n".join(lines) + "\n"
