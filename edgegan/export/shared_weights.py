"""Several ONNX files of one network, whose weights are mostly the same, with each weight stored once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import onnx

LEAST_BYTES, ALIGNMENT = 1024, 64
"""Smaller tensors stay inside their file; larger ones begin at a multiple of this many bytes."""


def share_weights(files: Mapping[str, Path], weights: Path) -> dict[str, bytes]:
    """The models by name, serialized, their large weights in one file ``weights`` that is to lie beside them (ONNX
    external data)."""
    places: dict[bytes, int] = {}
    with weights.open("wb") as stream:
        return {name: _shared(onnx.load(file), stream, places, weights.name) for name, file in files.items()}


def _shared(model: onnx.ModelProto, stream: BinaryIO, places: dict[bytes, int], location: str) -> bytes:
    """The model without its large weights, each of which is written where it is not known yet."""
    for tensor in _tensors(model.graph):
        data = tensor.raw_data
        if len(data) < LEAST_BYTES:
            continue
        key = hashlib.sha256(data).digest()
        if key not in places:
            stream.write(bytes(-stream.tell() % ALIGNMENT))
            places[key] = stream.tell()
            stream.write(data)
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for field, value in (("location", location), ("offset", places[key]), ("length", len(data))):
            tensor.external_data.add(key=field, value=str(value))
    return bytes(model.SerializeToString())


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Initializers, and what constants hold."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
