"""Each layer's loss: simulated as the real quantized graphs have it, and found where it was put."""

import numpy as np
import pytest
import torch
from torch import nn

from edgegan.core.errors import ModelError
from edgegan.core.sampling import sample_inputs
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize import pt2e
from edgegan.quantize.layers import layers
from edgegan.quantize.scheme import ONNXRUNTIME, OPENVINO, TENSORRT, FloatParts
from edgegan.quantize.sensitivity import Simulation
from tests.conftest import PHOTO
from tests.subjects import randomized


def calibration(graph, count=16):
    values = sample_inputs(graph.spec.inputs, count, 1)
    return [tuple(torch.from_numpy(v[i : i + 1]) for v in values.values()) for i in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", [ONNXRUNTIME, TENSORRT], ids=lambda s: s.name)
@pytest.mark.parametrize("name", ["dcgan_graph", "cyclegan_graph"])
def test_simulation_agrees_with_torchaos_quantized_graph(name, scheme, request):
    graph = rewrite(request.getfixturevalue(name), "phase").value
    found, inputs = Simulation(graph, scheme, calibration(graph)), sample_inputs(graph.spec.inputs, 4, 2)
    reference, span = graph.run(inputs), graph.spec.output_range
    assert np.array_equal(found.run(inputs, ()), reference)
    for raised in ([], found.layers[:2]):
        real = pt2e.quantize(graph, scheme, calibration(graph), raised).value.run(inputs)
        simulated = found.run(inputs, [layer for layer in found.layers if layer not in raised])
        assert psnr_db(reference, simulated, span) == pytest.approx(psnr_db(reference, real, span), abs=2.0)


class OneBad(nn.Module):
    """Three equal layers; the second has one weight a thousand times the others in each channel, which rounds the rest
    away."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(*(m for _ in range(3) for m in (nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())))

    def forward(self, x):
        return torch.tanh(self.layers(x))


def test_the_layer_that_int8_ruins_is_the_one_found():
    module = randomized(OneBad())
    with torch.no_grad():
        module.layers[2].weight[:, 0, 0, 0] = 60.0
    graph = capture(module, PHOTO)
    found, inputs = Simulation(graph, ONNXRUNTIME, calibration(graph)), sample_inputs(PHOTO.inputs, 4, 2)
    reference = graph.run(inputs)
    decibels = [psnr_db(reference, found.run(inputs, [layer]), (-1, 1)) for layer in found.layers]
    assert np.argmin(decibels) == 1 and decibels[1] < min(decibels[0], decibels[2]) - 3


def test_layers_are_listed_as_they_run(cyclegan_graph):
    found = layers(cyclegan_graph)
    assert [layer.operator for layer in found] == ["conv2d", "conv2d", "conv_transpose2d", "conv2d"]
    assert found[0].macs == 8 * 16 * 16 * 3 * 49 and found[0].shape == (8, 16, 16)


def test_calibration_that_is_no_number_names_the_tensor(dcgan_graph):
    graph = rewrite(dcgan_graph, "phase").value
    with pytest.raises(ModelError, match="NaN or infinite activation in "):
        Simulation(graph, ONNXRUNTIME, [(torch.full((1, 8, 1, 1), float("nan")),)])


@pytest.mark.slow
def test_outputs_that_no_layer_reads_can_stay_in_float(cyclegan_graph, tmp_path):
    """OpenVINO still runs every convolution in int8, and the pictures are better."""
    import openvino as ov

    from edgegan.export.onnx import export_onnx

    graph, inputs = rewrite(cyclegan_graph, "native").value, sample_inputs(PHOTO.inputs, 4, 2)
    reference, found = graph.run(inputs), {}
    for free in (FloatParts.NOTHING, FloatParts.OUTPUTS):
        quantized = pt2e.quantize(graph, OPENVINO, calibration(graph), float_parts=free).value
        found[free] = psnr_db(reference, quantized.run(inputs), (-1, 1))
        compiled = ov.Core().compile_model(
            str(export_onnx(quantized, tmp_path / f"{free.name}.onnx")), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        )
        executed = compiled.get_runtime_model()
        kinds = [
            node.get_rt_info()["runtimePrecision"].astype(str)
            for node in executed.get_ops()
            if node.get_rt_info()["layerType"] in ("Convolution", "Deconvolution")
        ]
        assert len(kinds) == 4 and set(kinds) <= {"u8", "i8"}, kinds
    assert found[FloatParts.OUTPUTS] > found[FloatParts.NOTHING] + 1
