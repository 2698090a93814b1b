"""Quantize a float LiteRT file with ai-edge-quantizer, with ranges of our own choosing.

Its own calibration follows a moving average of the extremes, which clips a latent's tails; and it spends most of a
saturating tanh's input range where tanh is flat. Ranges are observed here, then handed over.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe_manager
from ai_edge_quantizer.recipe import AlgorithmName, TFLOperationName

from edgegan.core.errors import TargetError, first_line
from edgegan.core.files import atomic_path
from edgegan.core.stage import StageResult, stopwatch
from edgegan.quantize.layers import Layer, matched
from edgegan.quantize.litert_large import large_weights
from edgegan.quantize.litert_tensors import between, computed_layers, file_layers, made_by, places, statistics, sums
from edgegan.quantize.ranges import RangeObserver
from edgegan.quantize.scheme import LITERT, SATURATION, FloatParts
from edgegan.runtime.litert import inputs_by_argument

INT4 = ("CONV_2D", "FULLY_CONNECTED")
"""Layers that take weights of 4 bits with activations of 8."""
ARITHMETIC_FREE = (
    TFLOperationName.CONV_2D,
    TFLOperationName.DEPTHWISE_CONV_2D,
    TFLOperationName.FULLY_CONNECTED,
    TFLOperationName.CONV_2D_TRANSPOSE,
)
"""What is in int8 where arithmetic stays in float."""
SLOW_IN_INT8 = ("DIV", "RSQRT", "SQRT", "SELECT", "SELECT_V2", "HARD_SWISH", "BATCH_MATMUL", "SOFTMAX", "RELU")
"""What LiteRT's reference kernels compute in int8, two to thirty times slower than float between roundings
(``benchmarks/litert_operators.py``)."""
SATURATING = {"TANH": "tanh", "LOGISTIC": "sigmoid"}


def quantize(
    float_file: Path,
    observed: Observed,
    out: Path,
    float_parts: FloatParts = FloatParts.NOTHING,
    layers: Sequence[Layer] = (),
    raised_layers: Collection[Layer] = (),
    rest_precision: str = "fp32",
    weight_bits: int = 8,
) -> StageResult[Path]:
    """Write ``float_file`` in int8 to ``out`` with the ranges that ``observe`` saw; its inputs and outputs stay
    float32.

    What ``float_parts`` names stays in float; so do the layers ``raised_layers`` of ``layers``, all those of the graph
    that the file was made of, unless ``rest_precision`` is int16: then their activations take 16 bits. With 4
    ``weight_bits`` the first and the last layer keep 8. Raises TargetError, ModelError where the file's layers are not
    the graph's.
    """
    LITERT.check(float_parts)
    with stopwatch() as seconds:
        theirs = matched(layers, file_layers(float_file), str(float_file.name)) if raised_layers else {}
        named = [theirs[layer] for layer in layers if layer in raised_layers]
        wide, floats = (named, []) if rest_precision == "int16" else ([], named)
        floats += computed_layers(float_file) + made_by(float_file, SLOW_IN_INT8) + places(float_file)
        floats += statistics(float_file) if float_parts is FloatParts.STATISTICS else []
        floats += sums(float_file) if float_parts is FloatParts.SUMS else []
        narrow = [layer.what for layer in file_layers(float_file)][1:-1] if weight_bits == 4 else []
        recipe = _recipe(float_parts, floats + between(float_file, floats), wide, narrow)
        try:
            with atomic_path(out) as temporary, contextlib.redirect_stderr(io.StringIO()), large_weights():
                engine = quantizer.Quantizer(str(float_file), recipe)
                engine.quantize(
                    observed.as_calibrated(), str(temporary), enable_progress_bar=False, enable_progress_report=False
                )
            Interpreter(str(out)).allocate_tensors()
        except (ValueError, RuntimeError, KeyError, IndexError) as exc:
            out.unlink(missing_ok=True)
            raise TargetError(
                f"ai-edge-quantizer cannot make a valid int8 file of this model: {first_line(exc)}"
            ) from exc
        left = [float_parts.value] * (float_parts is not FloatParts.NOTHING) + [f"{len(raised_layers)} layers"] * bool(
            raised_layers and rest_precision == "fp32"
        )
        beside_int8 = f", {' and '.join(left)} in float" if left else ""
        beside_int8 += f", weights of {weight_bits} bits" if weight_bits != 8 else ""
        beside_int8 += f", {len(raised_layers)} layers with activations of 16 bits" if rest_precision == "int16" else ""
        return StageResult(
            out,
            (f"int8 (ai-edge-quantizer{beside_int8}), ranges by calibration on {observed.count} samples",),
            seconds(),
        )


def _recipe(float_parts: FloatParts, names: list[str], wide: list[str], narrow: list[str]) -> Any:
    """``names`` stay in float; the layers of ``wide`` take activations of 16 bits, those of ``narrow`` weights of 4."""
    manager = recipe_manager.RecipeManager()
    kinds = ARITHMETIC_FREE if float_parts is FloatParts.ARITHMETIC else (TFLOperationName.ALL_SUPPORTED,)
    for kind in kinds:
        manager.add_static_config(
            regex=".*",
            operation_name=kind,
            activation_num_bits=8,
            weight_num_bits=8,
            algorithm_key=AlgorithmName.MIN_MAX_UNIFORM_QUANT,
        )
    if narrow:
        for kind in INT4:
            manager.add_static_config(
                regex=_any_of(narrow),
                operation_name=TFLOperationName(kind),
                activation_num_bits=8,
                weight_num_bits=4,
                algorithm_key=AlgorithmName.MIN_MAX_UNIFORM_QUANT,
            )
    if wide:
        manager.add_static_config(
            regex=_any_of(wide),
            operation_name=TFLOperationName.ALL_SUPPORTED,
            activation_num_bits=16,
            weight_num_bits=8,
            algorithm_key=AlgorithmName.MIN_MAX_UNIFORM_QUANT,
        )
    if names:
        manager.add_quantization_config(
            regex=_any_of(names),
            operation_name=TFLOperationName.ALL_SUPPORTED,
            algorithm_key=AlgorithmName.NO_QUANTIZE,
        )
    if float_parts is not FloatParts.ARITHMETIC:
        for end in (TFLOperationName.INPUT, TFLOperationName.OUTPUT):
            manager.add_quantization_config(regex=".*", operation_name=end, algorithm_key=AlgorithmName.NO_QUANTIZE)
    return manager.get_quantization_recipe()


def _any_of(names: Sequence[str]) -> str:
    """A pattern of the operators that give these tensors; each pattern is held against every operator."""
    return f"^(?:{'|'.join(map(re.escape, names))});$"


class Observed:
    """What calibration saw of a float file: a range for every activation, those that feed a saturating function, and
    how many axes each has; the extremes of what is computed in other types."""

    def __init__(self) -> None:
        self.count = 0
        self.ranges: dict[str, RangeObserver] = {}
        self.saturation: dict[str, float] = {}
        self.axes: dict[str, int] = {}
        self.others: dict[str, tuple[float, float]] = {}

    def as_calibrated(self) -> dict[str, dict[str, np.ndarray]]:
        """As ai-edge-quantizer's own calibration would have it, which keeps every activation twice at once."""
        found = {name: seen.range(self.saturation.get(name)) for name, seen in self.ranges.items()}
        return {
            name: {
                kind: np.full((1,) * self.axes[name], value, np.float32)
                for kind, value in zip(("min", "max"), ends, strict=True)
            }
            for name, ends in (self.others | found).items()
        }


def observe(float_file: Path, samples: Iterable[list[np.ndarray]], method: str = "auto") -> Observed:
    """Run the float file over ``samples``, the inputs of one run each in the order of ``forward``'s arguments, and
    watch every float activation. Raises TargetError for activations that are not finite."""
    interpreter = Interpreter(
        str(float_file), experimental_preserve_all_tensors=True, num_threads=len(os.sched_getaffinity(0))
    )
    interpreter.allocate_tensors()
    details = {d["index"]: d for d in interpreter.get_tensor_details()}
    operations = interpreter._get_ops_details()
    produced = {i for op in operations for i in op["outputs"]} | {d["index"] for d in interpreter.get_input_details()}
    named = {i: details[i]["name"] for i in produced if i in details and details[i]["name"]}
    watched = {i: name for i, name in named.items() if details[i]["dtype"] == np.float32}
    places = inputs_by_argument(interpreter)
    observed = Observed()
    for sample in samples:
        for argument, detail in places.items():
            interpreter.set_tensor(detail["index"], sample[argument].astype(detail["dtype"], copy=False))
        interpreter.invoke()
        observed.count += 1
        for index, name in watched.items():
            try:
                observed.ranges.setdefault(name, RangeObserver(method=method)).observe(interpreter.get_tensor(index))
            except ValueError as exc:
                raise TargetError(f"calibration met a {exc} in {name}; check the weights and the --data") from exc
    if not observed.count:
        raise TargetError("there are no calibration samples")
    for index, name in named.items():
        observed.axes[name] = len(details[index]["shape"])
        if index not in watched:
            value = interpreter.get_tensor(index)
            observed.others[name] = (float(value.min()), float(value.max())) if value.size else (0.0, 0.0)
    for op in operations:
        if op["op_name"] in SATURATING:
            observed.saturation[details[int(op["inputs"][0])]["name"]] = SATURATION[SATURATING[op["op_name"]]]
    return observed
