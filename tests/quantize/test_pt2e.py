"""What one calibration showed serves every later quantization of the same graph."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from edgegan.core.sampling import sample_inputs
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.export.onnx import export_onnx
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite
from edgegan.quantize import pt2e
from edgegan.quantize.calibration import Ranges
from edgegan.quantize.layers import layers
from edgegan.quantize.scheme import ONNXRUNTIME, OPENVINO, TENSORRT, FloatParts


@pytest.mark.parametrize("scheme", [ONNXRUNTIME, TENSORRT])
def test_seen_ranges_give_the_same_numbers_and_spare_the_batches(cyclegan_graph, scheme):
    graph = rewrite(cyclegan_graph, "phase").value
    values = sample_inputs(graph.spec.inputs, 12, 1)
    drawn = 0

    def batches():
        nonlocal drawn
        for i in range(12):
            drawn += 1
            yield tuple(torch.from_numpy(v[i : i + 1]) for v in values.values())

    every, ranges, inputs = layers(graph), Ranges("auto"), sample_inputs(graph.spec.inputs, 3, 2)
    for raised, kept, wanted in (
        ([], FloatParts.NOTHING, 12),
        ([every[1]], FloatParts.NOTHING, 0),
        ([every[0], every[2]], FloatParts.OUTPUTS, 0),
    ):
        drawn = 0
        again = pt2e.quantize(graph, scheme, batches(), raised, kept, ranges)
        assert drawn == wanted and "12 samples" in again.notes[0]
        alone = pt2e.quantize(graph, scheme, batches(), raised, kept)
        np.testing.assert_array_equal(again.value.run(inputs), alone.value.run(inputs))


class Moved(nn.Module):
    """A map that is padded, reshaped and cropped between layers, and a transposed convolution that reads signed
    values."""

    def __init__(self):
        super().__init__()
        self.norm, self.conv, self.up = (
            nn.InstanceNorm2d(4, affine=True),
            nn.Conv2d(4, 8, 3),
            nn.ConvTranspose2d(8, 3, 4, 2, 1),
        )

    def forward(self, x):
        y = self.conv(F.pad(self.norm(x), (1, 1, 1, 1), mode="reflect"))
        return torch.tanh(self.up(F.leaky_relu(y, 0.2)[:, :, 1:]))


def test_what_moves_is_rounded_once_and_signed_values_keep_no_zero_point(tmp_path):
    torch.manual_seed(0)
    graph = capture(Moved().eval(), GeneratorSpec(inputs=(TensorSpec(name="x", kind="latent", shape=(4, 8, 8)),)))
    batches = [(torch.randn(1, 4, 8, 8),) for _ in range(4)]
    path = export_onnx(pt2e.quantize(rewrite(graph, "native").value, OPENVINO, batches).value, tmp_path / "g.onnx")
    model = onnx.load(path)
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    made = {output: node for node in model.graph.node for output in node.output}

    def grids(node):
        """Scale and zero point of every rounding above ``node``, up to what is computed."""
        found = []
        while node.op_type in ("QuantizeLinear", "DequantizeLinear", "Pad", "Slice", "Reshape", "Transpose"):
            if node.op_type == "QuantizeLinear":
                found.append(
                    (float(constants[node.input[1]]), constants[node.input[2]].dtype, int(constants[node.input[2]]))
                )
            node = made[node.input[0]]
        return found

    for kind, signed in (("Conv", np.uint8), ("ConvTranspose", np.int8)):
        (layer,) = [n for n in model.graph.node if n.op_type == kind]
        above = grids(made[layer.input[0]])
        assert above and len(set(above)) == 1 and above[0][1] == signed
    assert above[0][2] == 0


def test_openvino_keeps_transposed_convolutions_over_one_axis_in_float():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv1d(4, 8, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose1d(8, 4, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv1d(4, 1, 3, padding=1),
    ).eval()
    graph = capture(module, GeneratorSpec(inputs=(TensorSpec(name="x", kind="latent", shape=(4, 16)),)))
    quantized = pt2e.quantize(graph, OPENVINO, [graph.example_inputs(seed) for seed in range(4)]).value
    nodes = {n.target: n for n in quantized.module.graph.nodes if n.op == "call_function"}
    assert "quantize" not in str(nodes[torch.ops.aten.conv_transpose1d.default].args[1].target)
    assert "quantize" in str(nodes[torch.ops.aten.conv1d.default].args[1].target)
