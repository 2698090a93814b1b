"""Exported files in the vendors' own runtimes: that they load, compute the same, and that int8 kernels are really
used."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import openvino
import pytest
import torch

from benchmarks.families import FAMILIES
from edgegan.core.errors import TargetError
from edgegan.core.sampling import sample_inputs
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.export.onnx import export_onnx, halve
from edgegan.export.tensorrt.network import check_with_parser
from edgegan.export.tensorrt.rtx import build_rtx
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize import pt2e
from edgegan.quantize.scheme import ONNXRUNTIME, OPENVINO, TENSORRT, FloatParts
from tests.export.inputs import calibration, check_inputs


def onnx_images(path, inputs):
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.concatenate(
        [
            session.run(None, {k: v[i : i + 1] for k, v in inputs.items()})[0]
            for i in range(len(next(iter(inputs.values()))))
        ]
    )


@pytest.mark.parametrize("formulation", ["native", "phase"])
def test_onnx_in_float(graph, formulation, tmp_path):
    rewritten = rewrite(graph, formulation).value
    path = export_onnx(rewritten, tmp_path / "g.onnx")
    np.testing.assert_allclose(onnx_images(path, check_inputs(graph)), graph.run(check_inputs(graph)), atol=1e-4)


def test_onnx_in_half_precision(graph, tmp_path):
    path = export_onnx(graph, tmp_path / "g.onnx", half=True)
    weights = {t.data_type for t in onnx.load(path).graph.initializer if len(t.dims) > 1}
    assert weights == {onnx.TensorProto.FLOAT16}
    assert psnr_db(graph.run(check_inputs(graph)), onnx_images(path, check_inputs(graph)), (-1, 1)) > 45


def test_onnxruntime_fuses_every_quantized_convolution(dcgan_graph, tmp_path):
    rewritten = rewrite(dcgan_graph, "phase").value
    quantized = pt2e.quantize(rewritten, ONNXRUNTIME, calibration(dcgan_graph)).value
    path = export_onnx(quantized, tmp_path / "g.onnx")
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    kinds = [n.op_type for n in onnx.load(tmp_path / "optimized.onnx").graph.node]
    assert kinds.count("QLinearConv") == 2 and "QGemm" in kinds and "Conv" not in kinds and "ConvTranspose" not in kinds
    assert (
        psnr_db(dcgan_graph.run(check_inputs(dcgan_graph)), onnx_images(path, check_inputs(dcgan_graph)), (-1, 1)) > 30
    )


def test_tensorrt_gets_symmetric_explicit_quantization(graph, tmp_path):
    quantized = pt2e.quantize(rewrite(graph, "phase").value, TENSORRT, calibration(graph)).value
    path = export_onnx(quantized, tmp_path / "g.onnx")
    model = onnx.load(path)
    values = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    zeros = [
        values[n.input[2]]
        for n in model.graph.node
        if n.op_type in ("QuantizeLinear", "DequantizeLinear") and len(n.input) > 2
    ]
    assert zeros and all((z == 0).all() for z in zeros)
    assert check_with_parser(path).quantize_layers > 0
    assert len(build_rtx(path, "8.9").plan) > 1000


def test_an_unknown_gpu_is_refused(graph, tmp_path):
    path = export_onnx(graph, tmp_path / "g.onnx")
    with pytest.raises(TargetError, match=r"1\.0"):
        build_rtx(path, "1.0")


def test_several_resizes_in_half_precision_are_sound(tmp_path):
    class Skips(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Conv2d(8, 3, 3, padding=1)

        def forward(self, x):
            y = torch.nn.functional.interpolate(self.first(x), scale_factor=2.0)
            y = y + torch.nn.functional.interpolate(torch.sin(y), scale_factor=0.5).mean()
            return self.second(torch.nn.functional.interpolate(torch.tanh(y), scale_factor=2.0))

    torch.manual_seed(0)
    graph = capture(Skips().eval(), GeneratorSpec(inputs=(TensorSpec(name="x", kind="latent", shape=(3, 8, 8)),)))
    quantized = pt2e.quantize(graph, TENSORRT, calibration(graph)).value
    path = halve(export_onnx(quantized, tmp_path / "g.onnx"), tmp_path / "half.onnx")
    onnx.checker.check_model(onnx.load(path), full_check=True)
    assert check_with_parser(path).quantize_layers > 0
    assert psnr_db(quantized.run(check_inputs(graph)), onnx_images(path, check_inputs(graph)), (-1, 1)) > 40


@pytest.mark.parametrize("half_rest", [False, True])
def test_tensorrt_builds_int8_layers_in_every_place(graph, half_rest, tmp_path):
    """The build log of NVIDIA's compiler, not our own file, says what its layers take."""
    quantized = pt2e.quantize(rewrite(graph, "phase").value, TENSORRT, calibration(graph)).value
    path = export_onnx(quantized, tmp_path / "g.onnx")
    path = halve(path, tmp_path / "half.onnx") if half_rest else path
    layers = len([n for n in onnx.load(path).graph.node if n.op_type in ("Conv", "Gemm", "MatMul")])
    assert build_rtx(path).precisions == {"Int8": layers}
    assert build_rtx(export_onnx(graph, tmp_path / "f.onnx")).precisions["Int8"] == 0
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].type == "tensor(float)" and session.get_outputs()[0].type == "tensor(float)"
    assert psnr_db(graph.run(check_inputs(graph)), onnx_images(path, check_inputs(graph)), (-1, 1)) > 25


def test_openvino_executes_every_layer_in_int8(graph, tmp_path):
    path = export_onnx(
        pt2e.quantize(rewrite(graph, "phase").value, ONNXRUNTIME, calibration(graph)).value, tmp_path / "g.onnx"
    )
    compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    executed = [op.get_rt_info() for op in compiled.get_runtime_model().get_ordered_ops()]
    kinds = [
        (info["layerType"].astype(str), info["runtimePrecision"].astype(str))
        for info in executed
        if info["layerType"].astype(str) in ("Convolution", "FullyConnected")
    ]
    assert len(kinds) >= 3 and {precision for _, precision in kinds} <= {"u8", "i8"}, kinds


def test_openvino_joins_dense_layers_in_int8(tmp_path):
    """What is concatenated is rounded once, within the layer that makes it, whoever reads it: FakeQuantize stands alone
    only where a sum is rounded."""
    graph = rewrite(capture(*FAMILIES["esrgan"].build()), "native").value
    path = export_onnx(
        pt2e.quantize(graph, OPENVINO, calibration(graph), float_parts=FloatParts.OUTPUTS).value, tmp_path / "g.onnx"
    )
    assert psnr_db(graph.run(check_inputs(graph)), onnx_images(path, check_inputs(graph)), graph.spec.output_range) > 30
    compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    executed = [
        {key: op.get_rt_info()[key].astype(str) for key in ("layerType", "runtimePrecision", "outputPrecisions")}
        for op in compiled.get_runtime_model().get_ordered_ops()
    ]
    joined = [row["outputPrecisions"] for row in executed if row["layerType"] == "Concatenation"]
    layers = [row for row in executed if row["layerType"] == "Convolution"]
    assert joined and set(joined) == {"u8"} and {row["runtimePrecision"] for row in layers} <= {"u8", "i8"}
    assert sum(row["outputPrecisions"] == "u8" for row in layers) >= len(joined)


def test_nearest_resizing_by_no_whole_number_picks_the_networks_pixels(tmp_path):
    """As the operator is exported, ONNX Runtime and OpenVINO pick another source at some of 120 positions."""
    spec = GeneratorSpec(inputs=(TensorSpec(name="x", kind="image", shape=(3, 100, 100), range=(-1.0, 1.0)),))
    graph = capture(torch.nn.Upsample(size=120), spec)
    inputs = sample_inputs(spec.inputs, 2, 0)
    wanted = graph.run(inputs)
    for name, made, exact in (("plain", graph, False), ("rewritten", rewrite(graph, "native").value, True)):
        file = str(export_onnx(made, tmp_path / f"{name}.onnx"))
        session, compiled = ort.InferenceSession(file), openvino.Core().compile_model(file, "CPU")
        for run in (lambda x, s=session: s.run(None, {"x": x})[0], lambda x, c=compiled: c({"x": x})[0]):
            images = np.concatenate([run(inputs["x"][i : i + 1]) for i in range(2)])
            assert (psnr_db(wanted, images, (-1, 1)) > 100) is exact, name


def test_an_onnx_file_holds_nothing_of_the_users_code(dcgan_graph, tmp_path):
    data = export_onnx(dcgan_graph, tmp_path / "g.onnx").read_bytes()
    for told in (b"stack_trace", b"TinyDcgan", b"subjects.py", str(Path(__file__).parents[2]).encode()):
        assert told not in data, told
