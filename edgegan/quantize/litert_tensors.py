"""Tensors of a float LiteRT file by what makes them: its layers', and those that stay in float beside int8."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edgegan.quantize.layers import Counterpart

LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
ELEMENTWISE = ("ADD", "SUB", "MUL", "DIV", "SQUARED_DIFFERENCE")
REDUCTIONS = ("MEAN", "SUM", "RSQRT", "SQRT")
ROWS = ("GATHER", "GATHER_ND")
"""What reads values by number."""


def file_layers(float_file: Path) -> list[Counterpart[str]]:
    """The convolutions and linear layers of constant weights in the order in which they run, by the output tensor's
    name."""
    interpreter = Interpreter(str(float_file))
    interpreter.allocate_tensors()
    details = {d["index"]: d for d in interpreter.get_tensor_details()}
    found = []
    for place, weights, is_constant in _layer_tensors(interpreter):
        if is_constant:
            output, kernel = details[place], interpreter.get_tensor(weights)
            energy = float(np.square(kernel, dtype=np.float64).sum())
            found.append(Counterpart(output["name"], (int(prod(output["shape"])), kernel.size), energy))
    return found


def computed_layers(float_file: Path) -> list[str]:
    """Names of what convolutions and linear layers give whose weights are computed: in int8 those would have a zero
    point, for which there is no kernel."""
    interpreter = Interpreter(str(float_file))
    names = {d["index"]: d["name"] for d in interpreter.get_tensor_details()}
    return [names[output] for output, _, is_constant in _layer_tensors(interpreter) if not is_constant]


def _operations(interpreter: Interpreter) -> tuple[dict[int, str], list[dict[str, Any]]]:
    """The tensors' names by index, and the operators in the order in which they run."""
    return {d["index"]: d["name"] for d in interpreter.get_tensor_details()}, interpreter._get_ops_details()


def _layer_tensors(interpreter: Interpreter) -> list[tuple[int, int, bool]]:
    """Of each convolution and linear layer: the tensor that it gives, its weights, and whether those are constant."""
    operations = interpreter._get_ops_details()
    made = {int(o) for op in operations for o in op["outputs"]} | {d["index"] for d in interpreter.get_input_details()}
    return [
        (int(op["outputs"][0]), int(op["inputs"][1]), int(op["inputs"][1]) not in made)
        for op in operations
        if op["op_name"] in LAYERS
    ]


def statistics(float_file: Path) -> list[str]:
    """Names of the tensors that normalisation makes: reductions, what is computed from them alone, what they scale or
    shift, and what is computed for them alone."""
    interpreter = Interpreter(str(float_file))
    names, operations = _operations(interpreter)
    made = {int(o) for op in operations for o in op["outputs"]} | {d["index"] for d in interpreter.get_input_details()}
    readers: dict[int, list[str]] = {}
    for op in operations:
        for tensor in op["inputs"]:
            readers.setdefault(int(tensor), []).append(op["op_name"])
    reduced: set[int] = set()
    statistic_names: list[str] = []
    for op in operations:
        inputs, output = {int(i) for i in op["inputs"]} & made, int(op["outputs"][0])
        if op["op_name"] in REDUCTIONS or (
            op["op_name"] in (*ELEMENTWISE, "RESHAPE", "TRANSPOSE") and inputs and inputs <= reduced
        ):
            reduced.add(output)
        elif not (
            op["op_name"] in ELEMENTWISE and (inputs & reduced or set(readers.get(output, ["none"])) <= {"MEAN", "SUM"})
        ):
            continue
        statistic_names.append(names[output])
    return statistic_names


def made_by(float_file: Path, kinds: Collection[str]) -> list[str]:
    """Names of the tensors that operators of those kinds give."""
    names, operations = _operations(Interpreter(str(float_file)))
    return [names[int(op["outputs"][0])] for op in operations if op["op_name"] in kinds]


def places(float_file: Path) -> list[str]:
    """Names of the tensors behind the last layers from which numbers of rows are computed, as where a flow moves each
    pixel, and of what is computed beside, as how far that lies from a pixel: a 256th of the way across a picture is too
    coarse for them."""
    names, operations = _operations(Interpreter(str(float_file)))
    made = {int(op["outputs"][0]): op for op in operations if op["op_name"] not in LAYERS}
    waiting = [int(op["inputs"][1]) for op in operations if op["op_name"] in ROWS]
    found: set[int] = set()
    while waiting:
        tensor = waiting.pop()
        if tensor in made and tensor not in found:
            found.add(tensor)
            waiting += map(int, made[tensor]["inputs"])
    weights = {o for o, op in made.items() if op["op_name"] in ELEMENTWISE and found & set(map(int, op["inputs"]))}
    return [names[tensor] for tensor in found | weights]


def sums(float_file: Path) -> list[str]:
    """Names of the tensors that are sums, or differences, of what the network computes."""
    names, operations = _operations(Interpreter(str(float_file)))
    made = {int(o) for op in operations for o in op["outputs"]}
    return [
        names[int(op["outputs"][0])]
        for op in operations
        if op["op_name"] in ("ADD", "SUB") and {int(i) for i in op["inputs"]} <= made
    ]


def between(float_file: Path, names: Sequence[str]) -> list[str]:
    """Names of the tensors that lie between the inputs, the output and ``names``, all in float, with no layer among
    them: in int8 they would round twice for nothing."""
    interpreter = Interpreter(str(float_file))
    text, every = _operations(interpreter)
    operations = {int(op["outputs"][0]): op for op in every if op["op_name"] != "DELEGATE"}
    outputs = {d["index"] for d in interpreter.get_output_details()}
    readers: dict[int, list[int]] = {}
    for made, op in operations.items():
        for tensor in op["inputs"]:
            readers.setdefault(int(tensor), []).append(made)
    floats = {made for made in operations if text[made] in set(names)}
    free = {made for made, op in operations.items() if op["op_name"] not in LAYERS} - floats

    def stays(made: int) -> bool:
        sources = [int(i) for i in operations[made]["inputs"] if int(i) in operations]
        return all(i in floats or i in free for i in [*sources, *readers.get(made, [])]) and (
            bool(readers.get(made)) or made in outputs
        )

    while rounded := {made for made in free if not stays(made)}:
        free -= rounded
    return [text[made] for made in free]
