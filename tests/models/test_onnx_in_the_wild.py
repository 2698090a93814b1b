"""ONNX files as others leave them: quantized, float16, channels last, without a batch, with inputs to be baked in."""

import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from edgegan.core.errors import ModelError, UsageError
from edgegan.graph.capture import capture
from edgegan.models.loading import load_model

FLOAT, RNG = TensorProto.FLOAT, np.random.default_rng(0)
WEIGHT = RNG.normal(size=(3, 3, 3, 3)).astype(np.float32)


def saved(path, nodes, inputs, outputs, held, opset=17):
    """A file of named inputs and outputs (name, shape), and of what it holds by name."""
    values = [
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in tensors] for tensors in (inputs, outputs)
    ]
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in held.items()]
    graph = helper.make_graph(nodes, "g", *values, initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    return path


def loaded(path, *inputs, batch=1, **options):
    return load_model(str(path), list(inputs), None, None, None, batch=batch, **options)


def ran(path, **feeds):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, feeds)[0]


@pytest.fixture
def quantized(tmp_path):
    """A convolution with a rounded input and int8 weights along their output channels, as quantize_static leaves it."""
    scales = (np.abs(WEIGHT).max((1, 2, 3)) / 127).astype(np.float32)
    rounded = np.clip(np.rint(WEIGHT / scales[:, None, None, None]), -127, 127).astype(np.int8)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], axis=0),
        helper.make_node("Conv", ["xd", "wd"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("QuantizeLinear", ["c", "s", "z"], ["cq"]),
        helper.make_node("DequantizeLinear", ["cq", "s", "z"], ["y"]),
    ]
    held = {"s": np.float32(0.05), "z": np.uint8(128), "w": rounded, "ws": scales, "wz": np.zeros(3, np.int8)}
    return saved(tmp_path / "q.onnx", nodes, [("x", [1, 3, 8, 8])], [("y", [1, 3, 8, 8])], held), rounded, scales


def test_what_was_quantized_already_folds_back_to_float(quantized):
    path, rounded, scales = quantized
    model = loaded(path)
    x = torch.randn(1, 3, 8, 8)
    weight = torch.from_numpy(rounded.astype(np.float32) * scales[:, None, None, None])
    torch.testing.assert_close(model.module(x), nn.functional.conv2d(x, weight, padding=1), atol=1e-5, rtol=1e-5)
    assert all("quant" not in str(n.target) for n in capture(model.module, model.spec).module.graph.nodes)


def test_noise_that_a_file_draws_is_one_draw_for_good(tmp_path):
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["n"], mean=3.0, scale=0.5),
        helper.make_node("RandomUniform", [], ["u"], shape=[1, 3, 8, 8], low=10.0, high=12.0),
        helper.make_node("Sum", ["x", "n", "u"], ["y"]),
    ]
    model = loaded(saved(tmp_path / "noise.onnx", nodes, [("x", [1, 3, 8, 8])], [("y", [1, 3, 8, 8])], {}))
    graph = capture(model.module, model.spec)
    drawn = graph.run({"x": np.zeros((2, 3, 8, 8), np.float32)})
    assert (drawn[0] == drawn[1]).all() and drawn.min() > 11.0 and drawn.max() < 17.0 and 13.8 < drawn.mean() < 14.2


def test_a_file_that_computes_in_int8_is_told(tmp_path):
    held = {"s": np.float32(0.05), "z": np.uint8(128), "w": np.ones((3, 3, 1, 1), np.int8), "wz": np.int8(0)}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        helper.make_node("QLinearConv", ["xq", "s", "z", "w", "s", "wz", "s", "z"], ["cq"]),
        helper.make_node("DequantizeLinear", ["cq", "s", "z"], ["y"]),
    ]
    path = saved(tmp_path / "whole.onnx", nodes, [("x", [1, 3, 4, 4])], [("y", [1, 3, 4, 4])], held)
    with pytest.raises(ModelError, match="computes in int8 itself \\(QLinearConv\\); give the float file"):
        loaded(path)


@pytest.fixture
def styled(tmp_path):
    """A picture, a style of 26 weights without a batch, a strength that is one number; sizes open."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("MatMul", ["style", "m"], ["g"]),
        helper.make_node("Reshape", ["g", "shape"], ["gain"]),
        helper.make_node("Mul", ["c", "gain"], ["scaled"]),
        helper.make_node("Mul", ["scaled", "strength"], ["y"]),
    ]
    held = {"w": WEIGHT, "m": RNG.normal(size=(26, 3)).astype(np.float32), "shape": np.array([1, 3, 1, 1])}
    inputs = [("x", [1, 3, "h", "w_"]), ("style", [26]), ("strength", [])]
    return saved(tmp_path / "style.onnx", nodes, inputs, [("y", [1, 3, "h", "w_"])], held)


def test_an_input_without_a_batch_stays_and_another_is_baked_in(styled):
    model = loaded(styled, "image:3x8x12", "latent:26", constants={"strength": "0.5"})
    assert [(i.kind, i.shape) for i in model.spec.inputs] == [("image", (3, 8, 12)), ("latent", (26,))]
    x, style = RNG.normal(size=(1, 3, 8, 12)).astype(np.float32), RNG.normal(size=26).astype(np.float32)
    got = model.module(torch.from_numpy(x), torch.from_numpy(style[None]))
    np.testing.assert_allclose(got, ran(styled, x=x, style=style, strength=np.array(0.5, np.float32)), atol=1e-4)
    assert capture(model.module, model.spec).output_shape == (1, 3, 8, 12)
    numbers = ",".join(map(str, style))
    baked = loaded(styled, "image:3x8x12", constants={"strength": "0.5", "style": numbers})
    np.testing.assert_allclose(baked.module(torch.from_numpy(x)), got, atol=1e-4)


@pytest.mark.parametrize(
    "constants,told",
    [
        ({"force": "1"}, "no input 'force'; its are x, style, strength"),
        ({"strength": "much"}, "give a number, or numbers with commas"),
        ({"style": "1,2,3"}, "3 numbers, the input 26"),
    ],
)
def test_constants_that_do_not_fit_are_told(styled, constants, told):
    with pytest.raises(UsageError, match=told):
        loaded(styled, "image:3x8x12", "latent:26", constants=constants)


@pytest.fixture
def channels_last(tmp_path):
    """As TensorFlow's converter leaves it: NHWC in and out, a transpose at each end."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", "w"], ["c"], auto_pad="SAME_UPPER"),
        helper.make_node("Tanh", ["c"], ["a"]),
        helper.make_node("Transpose", ["a"], ["y"], perm=[0, 2, 3, 1]),
    ]
    return saved(tmp_path / "nhwc.onnx", nodes, [("x", [1, 8, 12, 3])], [("y", [1, 8, 12, 3])], {"w": WEIGHT})


@pytest.mark.parametrize("how", [{"image_inputs": True}, {"inputs": ["image:3x8x12"]}])
def test_pictures_with_channels_last_come_first(channels_last, how):
    model = loaded(channels_last, *how.get("inputs", ()), image_inputs=how.get("image_inputs", False))
    assert model.spec.inputs[0].shape == (3, 8, 12) and model.spec.inputs[0].kind == "image"
    x = RNG.normal(size=(1, 3, 8, 12)).astype(np.float32)
    wanted = ran(channels_last, x=x.transpose(0, 2, 3, 1).copy()).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(model.module(torch.from_numpy(x)), wanted, atol=1e-5)


def test_an_input_of_another_size_than_the_files_is_told(channels_last):
    with pytest.raises(ModelError, match="takes 8x12x3, and --input says 3x16x12"):
        loaded(channels_last, "image:3x16x12")


def test_float16_weights_and_external_data_are_read(tmp_path):
    model = onnx.load(
        saved(
            tmp_path / "g.onnx",
            [
                helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16),
                helper.make_node("Conv", ["h", "w"], ["c"], pads=[1, 1, 1, 1]),
                helper.make_node("Cast", ["c"], ["y"], to=FLOAT),
            ],
            [("x", [1, 3, 8, 8])],
            [("y", [1, 3, 8, 8])],
            {"w": WEIGHT.astype(np.float16)},
        )
    )
    onnx.save(model, tmp_path / "apart.onnx", save_as_external_data=True, location="apart.bin", size_threshold=0)
    assert (tmp_path / "apart.bin").exists()
    x = torch.randn(1, 3, 8, 8)
    wanted = nn.functional.conv2d(x, torch.from_numpy(WEIGHT.astype(np.float16).astype(np.float32)), padding=1)
    torch.testing.assert_close(loaded(tmp_path / "apart.onnx").module(x), wanted, atol=1e-4, rtol=1e-4)


def test_an_opset_that_is_not_known_is_told(tmp_path):
    node = [helper.make_node("Relu", ["x"], ["y"])]
    path = saved(tmp_path / "old.onnx", node, [("x", [1, 2])], [("y", [1, 2])], {}, opset=5)
    with pytest.raises(ModelError, match="of opset 5; 7 to 23 are imported"):
        loaded(path)


def test_torchscript_is_told_what_to_do_instead(tmp_path):
    network = nn.Conv2d(3, 3, 3).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(network, torch.zeros(1, 3, 8, 8)), tmp_path / "net.pt")
    with pytest.raises(ModelError, match=r"TorchScript, which cannot be rewritten; .*torch\.export\.save"):
        loaded(tmp_path / "net.pt")
    torch.save(network.state_dict(), tmp_path / "net.pth")
    with pytest.raises(ModelError, match="holds weights alone; give the network's factory"):
        loaded(tmp_path / "net.pth")
    with pytest.raises(UsageError, match=r"--constant is for inputs of a \.onnx file"):
        loaded("fashion-dcgan", constants={"z": "1"})


def test_a_label_beside_a_latent_in_a_file(tmp_path):
    """``--input label:10`` has no size of its own: a conditional generator's file is taken as it lies."""
    nodes = [
        helper.make_node("Gather", ["table", "label"], ["row"]),
        helper.make_node("Add", ["z", "row"], ["sum"]),
        helper.make_node("Reshape", ["sum", "shape"], ["out"]),
    ]
    held = {"table": RNG.normal(size=(10, 12)).astype(np.float32), "shape": np.array([1, 3, 2, 2])}
    path = saved(tmp_path / "g.onnx", nodes, [("z", [1, 12]), ("label", [1])], [("out", [1, 3, 2, 2])], held)
    model = onnx.load(path)
    model.graph.input[1].type.tensor_type.elem_type = TensorProto.INT64
    onnx.save(model, path)
    found = loaded(path, "latent:12", "label:10")
    z, label = RNG.normal(size=(1, 12)).astype(np.float32), np.array([7])
    wanted = ran(path, z=z, label=label)
    with torch.no_grad():
        np.testing.assert_allclose(found.module(torch.from_numpy(z), torch.from_numpy(label)), wanted, atol=1e-6)
