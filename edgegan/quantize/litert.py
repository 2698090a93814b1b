"""Quantize a float LiteRT file with ai-edge-quantizer, with ranges of our own choosing.

Its own calibration follows a moving average of the extremes, which clips a latent's tails; and it spends most of a
saturating tanh's input range where tanh is flat. Ranges are observed here, then handed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe_manager
from ai_edge_quantizer.recipe import AlgorithmName, TFLOperationName

from edgegan.core.errors import TargetError, first_line
from edgegan.core.files import atomic_path
from edgegan.core.stage import StageResult, stopwatch
from edgegan.quantize.ranges import RangeObserver
from edgegan.quantize.scheme import SATURATION
from edgegan.runtime.litert import inputs_by_argument

INT8_LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "CONV_2D_TRANSPOSE")
SATURATING = {"TANH": "tanh", "LOGISTIC": "sigmoid"}


def quantize(float_file: Path, samples: Iterable[list[np.ndarray]], out: Path, layers_only: bool = False) -> StageResult[Path]:
    """Write ``float_file`` in int8 to ``out``; its inputs and outputs stay float32.

    ``samples``: the inputs of one run each, in the order of the file's signature. ``layers_only`` quantizes convolutions
    and linear layers and leaves all other arithmetic (normalisation above all) in float. Raises TargetError.
    """
    with stopwatch() as seconds:
        recipe = _recipe(layers_only)
        try:
            engine = quantizer.Quantizer(str(float_file), recipe)
            observed, count = _observe(float_file, samples)
            skeleton = engine.calibrate({_signature(float_file): [_named(float_file, observed.first)]})
            result = {name: _with_range(entry, observed.ranges.get(name), observed.saturation.get(name)) for name, entry in skeleton.items()}
            with atomic_path(out) as temporary:
                engine.quantize(result, str(temporary), enable_progress_bar=False, enable_progress_report=False)
            Interpreter(str(out)).allocate_tensors()
        except (ValueError, RuntimeError, KeyError, IndexError) as exc:
            out.unlink(missing_ok=True)
            raise TargetError(f"ai-edge-quantizer cannot make a valid int8 file of this model: {first_line(exc)}") from exc
        kept = " layers only, the rest in float" if layers_only else ""
        return StageResult(out, (f"int8 (ai-edge-quantizer{kept}), ranges by least squared error on {count} samples",), seconds())


def _recipe(layers_only: bool) -> Any:
    manager = recipe_manager.RecipeManager()
    kinds = [TFLOperationName.CONV_2D, TFLOperationName.DEPTHWISE_CONV_2D, TFLOperationName.FULLY_CONNECTED] if layers_only else [TFLOperationName.ALL_SUPPORTED]
    for kind in kinds:
        manager.add_static_config(regex=".*", operation_name=kind, activation_num_bits=8, weight_num_bits=8, algorithm_key=AlgorithmName.MIN_MAX_UNIFORM_QUANT)
    if not layers_only:
        for end in (TFLOperationName.INPUT, TFLOperationName.OUTPUT):
            manager.add_quantization_config(regex=".*", operation_name=end, algorithm_key=AlgorithmName.NO_QUANTIZE)
    return manager.get_quantization_recipe()


class _Observed:
    def __init__(self, first: list[np.ndarray]) -> None:
        self.first = first
        self.ranges: dict[str, RangeObserver] = {}
        self.saturation: dict[str, float] = {}


def _observe(float_file: Path, samples: Iterable[list[np.ndarray]]) -> tuple[_Observed, int]:
    """Run the float file over the samples and watch every float activation."""
    interpreter = Interpreter(str(float_file), experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    details = {d["index"]: d for d in interpreter.get_tensor_details()}
    produced = {i for op in interpreter._get_ops_details() for i in op["outputs"]} | {d["index"] for d in interpreter.get_input_details()}
    watched = {i: details[i]["name"] for i in produced if i in details and details[i]["dtype"] == np.float32 and details[i]["name"]}
    observed, count = None, 0
    for sample in samples:
        observed = observed or _Observed(sample)
        for argument, detail in inputs_by_argument(interpreter).items():
            interpreter.set_tensor(detail["index"], sample[argument])
        interpreter.invoke()
        count += 1
        for index, name in watched.items():
            observed.ranges.setdefault(name, RangeObserver()).observe(interpreter.get_tensor(index))
    if observed is None:
        raise ValueError("there are no calibration samples")
    for op in interpreter._get_ops_details():
        if op["op_name"] in SATURATING:
            observed.saturation[details[int(op["inputs"][0])]["name"]] = SATURATION[SATURATING[op["op_name"]]]
    return observed, count


def _signature(file: Path) -> str:
    return next(iter(Interpreter(str(file)).get_signature_list()))


def _named(file: Path, sample: list[np.ndarray]) -> dict[str, np.ndarray]:
    names = Interpreter(str(file)).get_signature_list()[_signature(file)]["inputs"]
    return {name: sample[int(name.rpartition("_")[2])] for name in names}


def _with_range(entry: Any, ranges: RangeObserver | None, saturation: float | None) -> Any:
    if ranges is None or "min" not in entry:
        return entry
    low, high = ranges.range(saturation)
    return entry | {"min": np.full_like(entry["min"], low), "max": np.full_like(entry["max"], high)}
