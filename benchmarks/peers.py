"""The backends' own quantizers, used as their documentation says; what users would reach for without EdgeGAN."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.metrics.pairwise import psnr_db

Rows = Sequence[dict[str, np.ndarray]]
"""Inputs by name, one sample each."""


def quantize_static(source: Path, out: Path, rows: Rows) -> Path:
    """ONNX Runtime's own static quantization, with its documented preprocessing and QDQ format."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quant_pre_process
    from onnxruntime.quantization import quantize_static as run

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.rows = iter(rows)

        def get_next(self):
            return next(self.rows, None)

    ready = out.with_name("preprocessed.onnx")
    quant_pre_process(str(source), str(ready))
    run(
        str(ready),
        str(out),
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return out


def nncf_int8(source: Path, rows: Rows, norms: bool = True) -> Any:
    """NNCF's default post-training quantization; with ``norms`` False its mixed preset, normalisation arithmetic left
    in float."""
    import nncf
    import openvino

    nncf.set_log_level(logging.ERROR)
    model = openvino.Core().read_model(source)
    if norms:
        return nncf.quantize(model, nncf.Dataset(rows), subset_size=len(rows))
    scope = nncf.IgnoredScope(types=["MVN", "Multiply", "Add"])
    return nncf.quantize(
        model, nncf.Dataset(rows), subset_size=len(rows), preset=nncf.QuantizationPreset.MIXED, ignored_scope=scope
    )


def nncf_accuracy_control(
    source: Path,
    rows: Rows,
    inputs: dict[str, np.ndarray],
    reference: np.ndarray,
    span: tuple[float, float],
    gate: float,
) -> Any:
    """NNCF taking quantizers back, the worst first, until the pictures hold ``gate`` dB on up to 8 validation
    inputs."""
    import nncf
    import openvino

    nncf.set_log_level(logging.ERROR)
    count = min(8, len(reference), max(2, 500_000 // reference[0].size))
    validation = [
        ({k: np.ascontiguousarray(v[i : i + 1]) for k, v in inputs.items()}, reference[i : i + 1]) for i in range(count)
    ]

    def decibels(model: Any, data: Any) -> tuple[float, list[float]]:
        images = [(wanted, next(iter(model(row).values())).copy()) for row, wanted in data]
        whole = psnr_db(np.concatenate([w for w, _ in images]), np.concatenate([i for _, i in images]), span)
        return min(gate, whole), [psnr_db(wanted, image, span) for wanted, image in images]

    model = openvino.Core().read_model(source)
    return nncf.quantize_with_accuracy_control(
        model,
        nncf.Dataset(rows),
        nncf.Dataset(validation, lambda pair: pair),
        decibels,
        max_drop=0.0,
        drop_type=nncf.DropType.ABSOLUTE,
        subset_size=len(rows),
    )


def litert_static(source: Path, out: Path, rows: Rows) -> Path:
    """ai-edge-quantizer's static int8 recipe, calibrated by itself."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe

    from edgegan.runtime.litert import inputs_by_argument

    interpreter = Interpreter(str(source))
    key, signature = next(iter(interpreter.get_signature_list().items()))
    types = [detail["dtype"] for _, detail in sorted(inputs_by_argument(interpreter).items())]
    names = sorted(signature["inputs"], key=lambda name: int(name.rpartition("_")[2]))
    samples = [
        {name: value.astype(dtype) for name, dtype, value in zip(names, types, row.values(), strict=True)}
        for row in rows
    ]
    engine = quantizer.Quantizer(str(source), recipe.static_wi8_ai8())
    out.write_bytes(engine.quantize(engine.calibrate({key: samples})).quantized_model)
    Interpreter(str(out)).allocate_tensors()
    return out
