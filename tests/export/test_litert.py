"""Files of LiteRT in its own runtime: that they load, compute the same, and that int8 kernels are really used."""

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter

from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.export.litert import export_litert, halve_weights
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize import litert
from edgegan.quantize.layers import layers
from edgegan.quantize.scheme import FloatParts
from tests.export.inputs import calibration, check_inputs


def litert_images(path, inputs):
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (place,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    images = []
    for row in next(iter(inputs.values())):
        interpreter.set_tensor(place["index"], row[None])
        interpreter.invoke()
        images.append(interpreter.get_tensor(result["index"]))
    return np.concatenate(images)


def test_litert_in_float_is_one_partition(graph, tmp_path):
    path = export_litert(rewrite(graph, "phase-nhwc").value.module, graph.example_inputs(), tmp_path / "g.tflite")
    np.testing.assert_allclose(litert_images(path, check_inputs(graph)), graph.run(check_inputs(graph)), atol=1e-4)
    half = halve_weights(path, tmp_path / "half.tflite")
    assert half.stat().st_size < path.stat().st_size
    assert psnr_db(graph.run(check_inputs(graph)), litert_images(half, check_inputs(graph)), (-1, 1)) > 50


@pytest.mark.parametrize(
    "how",
    [
        {"size": (3, 4)},
        {"size": (11, 13)},
        {"scale_factor": 1.5},
        {"scale_factor": 1.5, "mode": "bilinear"},
        {"size": (3, 4), "mode": "bilinear", "antialias": True},
    ],
)
def test_litert_resizes_as_pytorch_does(how, tmp_path):
    class Resized(torch.nn.Module):
        def forward(self, x):
            return torch.nn.functional.interpolate(x, **how)

    graph = capture(Resized(), GeneratorSpec(inputs=(TensorSpec(name="x", kind="latent", shape=(2, 9, 8)),)))
    path = export_litert(rewrite(graph, "phase-nhwc").value.module, graph.example_inputs(), tmp_path / "g.tflite")
    np.testing.assert_allclose(litert_images(path, check_inputs(graph)), graph.run(check_inputs(graph)), atol=1e-5)


class PartialConvolution(torch.nn.Module):
    """Of what a mask of one channel leaves, its own convolution counting what was there (Liu et al. 2018,
    arXiv:1804.07723); the mask is cut out of the input."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.register_buffer("taps", torch.ones(4, 3, 3, 3))

    def forward(self, x):
        mask = (x[:, :1] > 0).float().expand(-1, 3, -1, -1)
        seen = torch.nn.functional.conv2d(mask, self.taps, padding=1)
        return self.conv(x * mask) * 27 / (seen + 1e-8) * seen.clamp(0, 1)


class ComputedForSeveral(torch.nn.Module):
    """Kernels computed at once for two layers, by place, each multiplied with windows (UnivNet)."""

    def __init__(self):
        super().__init__()
        self.kernels = torch.nn.Conv1d(4, 2 * 4 * 5 * 3, 1)

    def forward(self, x):
        signal = x.flatten(2)
        places = signal.shape[-1] // 8
        kernels = self.kernels(signal[..., ::8]).view(len(x), 2, 4, 5, 3, places)
        windows = torch.nn.functional.pad(signal, (1, 1)).unfold(2, 10, 8).unfold(3, 3, 1)
        both = [torch.einsum("bildk,biokl->bold", windows, kernels[:, layer]) for layer in range(2)]
        return (both[0] * torch.sigmoid(both[1])).flatten(2).unsqueeze(2)


@pytest.mark.parametrize(("network", "shape"), [(PartialConvolution, (3, 8, 8)), (ComputedForSeveral, (4, 6, 8))])
def test_litert_takes_masks_and_kernels_that_the_plain_conversion_refuses(network, shape, tmp_path):
    torch.manual_seed(0)
    graph = capture(network().eval(), GeneratorSpec(inputs=(TensorSpec(name="x", kind="latent", shape=shape),)))
    path = export_litert(rewrite(graph, "phase-nhwc").value.module, graph.example_inputs(), tmp_path / "g.tflite")
    np.testing.assert_allclose(litert_images(path, check_inputs(graph)), graph.run(check_inputs(graph)), atol=1e-4)


@pytest.mark.parametrize("how", [{"scale_factor": 2, "mode": "bicubic"}, {"scale_factor": 1.5}, {"scale_factor": 0.5}])
def test_litert_int8_resizes_as_pytorch_does(how, tmp_path):
    class Skips(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            return torch.nn.functional.interpolate(x, **how) + torch.nn.functional.interpolate(self.conv(x), **how)

    torch.manual_seed(0)
    graph = capture(Skips().eval(), GeneratorSpec(inputs=(TensorSpec(name="x", kind="latent", shape=(3, 8, 8)),)))
    floats = export_litert(rewrite(graph, "phase-nhwc").value.module, graph.example_inputs(), tmp_path / "float.tflite")
    observed = litert.observe(floats, ([t.numpy() for t in batch] for batch in calibration(graph)))
    path = litert.quantize(floats, observed, tmp_path / "g.tflite").value
    wanted = graph.run(check_inputs(graph))
    assert psnr_db(wanted, litert_images(path, check_inputs(graph)), (wanted.min(), wanted.max())) > 35


def test_litert_int8_of_a_dcgan_is_one_delegate_and_keeps_the_picture(dcgan_graph, tmp_path):
    floats = export_litert(
        rewrite(dcgan_graph, "phase-nhwc").value.module, dcgan_graph.example_inputs(), tmp_path / "f.tflite"
    )
    samples = [[t.numpy() for t in batch] for batch in calibration(dcgan_graph)]
    path = litert.quantize(floats, litert.observe(floats, samples), tmp_path / "g.tflite").value
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    kinds = [op["op_name"] for op in interpreter._get_ops_details()]
    types = {d["index"]: d["dtype"] for d in interpreter.get_tensor_details()}
    convolutions = [op for op in interpreter._get_ops_details() if op["op_name"] in ("CONV_2D", "FULLY_CONNECTED")]
    assert kinds.count("DELEGATE") == 1 and "TRANSPOSE_CONV" not in kinds
    assert all(types[int(op["outputs"][0])] == np.int8 for op in convolutions)
    assert (
        psnr_db(dcgan_graph.run(check_inputs(dcgan_graph)), litert_images(path, check_inputs(dcgan_graph)), (-1, 1))
        > 30
    )


def test_litert_layers_only_keeps_normalisation_in_float(cyclegan_graph, tmp_path):
    floats = export_litert(
        rewrite(cyclegan_graph, "phase-nhwc").value.module, cyclegan_graph.example_inputs(), tmp_path / "f.tflite"
    )
    samples = [[t.numpy() for t in batch] for batch in calibration(cyclegan_graph)]
    whole = litert.quantize(floats, litert.observe(floats, samples), tmp_path / "a.tflite").value
    layers = litert.quantize(
        floats, litert.observe(floats, samples), tmp_path / "b.tflite", float_parts=FloatParts.ARITHMETIC
    ).value
    wanted = cyclegan_graph.run(check_inputs(cyclegan_graph))
    figures = [psnr_db(wanted, litert_images(p, check_inputs(cyclegan_graph)), (-1, 1)) for p in (whole, layers)]
    assert figures[1] >= figures[0] - 0.5 and figures[1] > 25


def test_litert_rounds_nothing_between_float_tensors(dcgan_graph, tmp_path):
    """With the first and the last layer in float, what lies before the one and after the other is in float too."""
    graph = rewrite(dcgan_graph, "phase-nhwc").value
    floats, every = export_litert(graph.module, graph.example_inputs(), tmp_path / "f.tflite"), layers(graph)
    observed = litert.observe(floats, [[t.numpy() for t in batch] for batch in calibration(dcgan_graph)])
    whole = litert.quantize(floats, observed, tmp_path / "a.tflite").value
    mixed = litert.quantize(
        floats, observed, tmp_path / "b.tflite", layers=every, raised_layers=[every[0], every[2]]
    ).value
    interpreter = Interpreter(str(mixed))
    interpreter.allocate_tensors()
    kinds = [op["op_name"] for op in interpreter._get_ops_details() if op["op_name"] != "DELEGATE"]
    first, last = kinds.index("FULLY_CONNECTED"), len(kinds) - 1 - kinds[::-1].index("CONV_2D")
    assert (
        "QUANTIZE" not in kinds[:first]
        and "QUANTIZE" not in kinds[last:]
        and kinds.count("QUANTIZE") == kinds.count("DEQUANTIZE") == 1
    )
    wanted = dcgan_graph.run(check_inputs(dcgan_graph))
    figures = [psnr_db(wanted, litert_images(p, check_inputs(dcgan_graph)), (-1, 1)) for p in (whole, mixed)]
    assert figures[1] > figures[0] + 2


def test_litert_takes_wider_activations_in_single_layers(dcgan_graph, tmp_path):
    graph = rewrite(dcgan_graph, "phase-nhwc").value
    floats, every = export_litert(graph.module, graph.example_inputs(), tmp_path / "f.tflite"), layers(graph)
    observed = litert.observe(floats, [[t.numpy() for t in batch] for batch in calibration(dcgan_graph)])
    path = tmp_path / "g.tflite"
    litert.quantize(floats, observed, path, layers=every, raised_layers=[every[1]], rest_precision="int16")
    interpreter = Interpreter(str(path))
    types = {d["index"]: d["dtype"] for d in interpreter.get_tensor_details()}
    made = [
        types[int(op["outputs"][0])]
        for op in interpreter._get_ops_details()
        if op["op_name"] in ("CONV_2D", "FULLY_CONNECTED")
    ]
    assert made == [np.int8, np.int16, np.int8]
    assert (
        psnr_db(dcgan_graph.run(check_inputs(dcgan_graph)), litert_images(path, check_inputs(dcgan_graph)), (-1, 1))
        > 30
    )
