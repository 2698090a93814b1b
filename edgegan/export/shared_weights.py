"""Several ONNX files of one network, whose weights are mostly the same, with each weight stored once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import onnx

LEAST_BYTES, ALIGNMENT = 1024, 64
"""Smaller tensors stay inside their file; larger ones begin at a multiple of this many bytes."""


def share_weights(files: Mapping[str, Path], location: str) -> tuple[dict[str, bytes], bytes]:
    """The models by name, serialized, their large weights in one file that lies beside them as ``location``, and that
    file's content (ONNX external data)."""
    blob, places = bytearray(), {}
    models: dict[str, bytes] = {}
    for name, file in files.items():
        model = onnx.load(file)
        for tensor in _tensors(model.graph):
            data = tensor.raw_data
            if len(data) < LEAST_BYTES:
                continue
            key = hashlib.sha256(data).digest()
            if key not in places:
                blob.extend(bytes(-len(blob) % ALIGNMENT))
                places[key] = len(blob)
                blob.extend(data)
            tensor.ClearField("raw_data")
            tensor.data_location = onnx.TensorProto.EXTERNAL
            for field, value in (("location", location), ("offset", places[key]), ("length", len(data))):
                tensor.external_data.add(key=field, value=str(value))
        models[name] = model.SerializeToString()
    return models, bytes(blob)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Initializers, and what constants hold."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
