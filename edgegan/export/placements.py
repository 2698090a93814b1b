"""An int8 ONNX with fewer pairs of quantize and dequantize: a pair costs memory traffic and may keep TensorRT from
fusing, so whether it saves time only the device can tell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx

LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
JOINS = ("Add", "Sub", "Sum", "Concat")
SUMS, LAST, BOTH = "sums", "last", "sums-last"
TOLD = {SUMS: "what is added or joined", LAST: "the last layer and what follows it"}
"""What is not rounded any more, as manifests tell it."""


def placements(file: Path, folder: Path) -> dict[str, Path]:
    """``file`` with no pairs before residual sums and concatenations (``sums``), before the last layer and behind it
    (``last``), and neither (``sums-last``): those that differ from it and from each other, written into ``folder``, by
    name."""
    found: dict[str, Path] = {}
    known: set[frozenset[str]] = set()
    for name in (SUMS, LAST, BOTH):
        model = onnx.load(file)
        removed = _remove(model.graph, name)
        if removed and removed not in known:
            known.add(removed)
            found[name] = folder / f"{file.stem}-{name}.onnx"
            onnx.save(model, found[name])
    return found


def _remove(graph: onnx.GraphProto, name: str) -> frozenset[str]:
    """Without the pairs that ``name`` says; the inputs and outputs that are read unrounded now. Weights keep theirs."""
    parts = name.split("-")
    places = [index for index, node in enumerate(graph.node) if node.op_type in LAYERS]
    last = places[-1] if places and LAST in parts else len(graph.node)
    readers = [
        node for index, node in enumerate(graph.node) if index >= last or (SUMS in parts and node.op_type in JOINS)
    ]
    unrounded = _unrounded(graph)
    changed = set()
    for reader in readers:
        for index, value in enumerate(reader.input):
            if reader.op_type not in ("QuantizeLinear", "DequantizeLinear") and (source := unrounded(value)):
                changed.add(f"{reader.name}:{index}")
                reader.input[index] = source
    for output in graph.output if LAST in parts else ():
        if (source := unrounded(output.name)) and source not in {value.name for value in graph.input}:
            changed.add(output.name)
            _rename(graph, output.name, f"{output.name}_rounded")
            _rename(graph, source, output.name)
    _remove_unread(graph)
    return frozenset(changed)


def _unrounded(graph: onnx.GraphProto) -> Callable[[str], str | None]:
    """What a value was before it was quantized and dequantized; None where it was not, or is a weight."""
    makers = {output: node for node in graph.node for output in node.output}
    weights = {tensor.name for tensor in graph.initializer}

    def source(value: str) -> str | None:
        dequantize = makers.get(value)
        quantize = makers.get(dequantize.input[0]) if dequantize and dequantize.op_type == "DequantizeLinear" else None
        if quantize is None or quantize.op_type != "QuantizeLinear" or quantize.input[0] in weights:
            return None
        return quantize.input[0]

    return source


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Of a value that nodes make and read; an output of the graph keeps its name."""
    for node in graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == old:
                    names[index] = new


def _remove_unread(graph: onnx.GraphProto) -> None:
    outputs = {value.name for value in graph.output}
    while True:
        read = outputs | {name for node in graph.node for name in node.input}
        unread = [node for node in graph.node if not read & set(node.output)]
        if not unread:
            return
        for node in unread:
            graph.node.remove(node)
