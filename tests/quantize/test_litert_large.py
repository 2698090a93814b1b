"""Weights that ai-edge-quantizer does not round by itself, for their size."""

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import qtyping
from ai_edge_quantizer.algorithms.uniform_quantize import uniform_quantize_tensor

from edgegan.export.litert import export_litert
from edgegan.quantize.litert import observe, quantize
from edgegan.quantize.litert_large import MOST_BYTES, in_pieces


@pytest.mark.parametrize("scales", [1, 6])
def test_pieces_are_rounded_as_the_whole_is(scales):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((6, 3, 3, 4)).astype(np.float32)
    parameters = qtyping.UniformQuantParams(
        num_bits=8,
        quantized_dimension=0 if scales > 1 else None,
        scale=rng.uniform(0.01, 0.03, (scales, 1, 1, 1)).astype(np.float32),
        zero_point=np.zeros((scales, 1, 1, 1), np.int32),
        symmetric=True,
    )
    whole = uniform_quantize_tensor.uniform_quantize(values, parameters)
    for most in (1, values[0].nbytes, 2 * values[0].nbytes + 1, values.nbytes):
        pieces = in_pieces(uniform_quantize_tensor.uniform_quantize, most)(values, parameters)
        assert pieces.dtype == whole.dtype and np.array_equal(pieces, whole)


@pytest.mark.slow
def test_a_convolution_of_more_than_32_mib_is_quantized(tmp_path):
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(1024, 1024, 3, padding=1).eval()
    assert layer.weight.nbytes > MOST_BYTES
    x = torch.randn(1, 1024, 4, 4)
    floats = export_litert(layer, (x,), tmp_path / "float.tflite")
    quantize(floats, observe(floats, [[x.numpy()]]), tmp_path / "int8.tflite")
    interpreter = Interpreter(str(tmp_path / "int8.tflite"))
    interpreter.allocate_tensors()
    (place,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(place["index"], x.numpy())
    interpreter.invoke()
    got = interpreter.get_tensor(result["index"])
    wanted = layer(x).detach().numpy()
    assert np.mean((got - wanted) ** 2) < 1e-3 * np.var(wanted)
