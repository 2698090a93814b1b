"""Fine-tuning under simulated rounding: it helps, and both exporters then hold the same integers."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter

from edgegan.compress.qat import fine_tune
from edgegan.core.sampling import sample_inputs
from edgegan.export.litert import export_litert
from edgegan.export.onnx import export_onnx
from edgegan.graph.rewrite import rewrite
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize import litert, pt2e
from edgegan.quantize.scheme import ONNXRUNTIME
from edgegan.quantize.sensitivity import Simulation


def calibration(graph):
    return [
        tuple(torch.from_numpy(v[i : i + 1]) for v in sample_inputs(graph.spec.inputs, 16, 1).values())
        for i in range(16)
    ]


def rounded_psnr(graph, wanted, inputs, bits):
    """With all layers rounded as exporting rounds them, in the form that is exported."""
    found = Simulation(rewrite(graph, "phase").value, replace(ONNXRUNTIME, weight_bits=bits), calibration(graph))
    return psnr_db(wanted, found.run(inputs, found.layers), (-1, 1))


@pytest.mark.slow
def test_training_recovers_what_four_bits_lose(dcgan_graph):
    inputs = sample_inputs(dcgan_graph.spec.inputs, 16, 9)
    wanted = dcgan_graph.run(inputs)
    trained = fine_tune(dcgan_graph, replace(ONNXRUNTIME, weight_bits=4), 200, 0, calibration(dcgan_graph)).value
    assert rounded_psnr(trained, wanted, inputs, 4) > rounded_psnr(dcgan_graph, wanted, inputs, 4) + 1


@pytest.mark.slow
def test_onnx_and_litert_hold_the_same_integer_weights(dcgan_graph, tmp_path):
    trained = fine_tune(dcgan_graph, ONNXRUNTIME, 3, 0, calibration(dcgan_graph)).value
    samples = calibration(trained)
    path = export_onnx(pt2e.quantize(rewrite(trained, "phase").value, ONNXRUNTIME, samples).value, tmp_path / "g.onnx")
    held = [onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer]
    ours = {
        a.size: _rows(a.reshape(len(a), -1) if a.ndim == 2 else a.transpose(0, 2, 3, 1).reshape(len(a), -1))
        for a in held
        if a.dtype == np.int8 and a.ndim > 1
    }
    nhwc = rewrite(trained, "phase-nhwc").value
    floats = export_litert(nhwc.module, nhwc.example_inputs(), tmp_path / "f.tflite")
    quantized = litert.quantize(
        floats, litert.observe(floats, [[t.numpy() for t in s] for s in samples]), tmp_path / "g.tflite"
    ).value
    interpreter = Interpreter(str(quantized))
    constants = [
        d
        for d in interpreter.get_tensor_details()
        if d["dtype"] == np.int8 and len(d["shape"]) in (2, 4) and np.prod(d["shape"]) in ours
    ]
    found = {}
    for detail in constants:
        try:
            value = interpreter.get_tensor(detail["index"])
        except ValueError:
            continue
        found[value.size] = _rows(value.reshape(len(value), -1))
    assert ours.keys() == found.keys() and len(ours) == 3
    assert all(ours[size] == found[size] for size in ours)


def _rows(matrix):
    """Output channels as a multiset: the two forms order them differently."""
    return sorted(row.tobytes() for row in np.ascontiguousarray(matrix))
