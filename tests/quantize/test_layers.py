"""A layer is the same one in the graph, in the traced graph and in the vendor's file, or it is an error."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn

from edgegan.core.errors import ModelError
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.export.litert import export_litert
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite
from edgegan.quantize import litert, litert_tensors, pt2e
from edgegan.quantize.layers import Counterpart, layers, matched
from edgegan.quantize.scheme import LITERT, ONNXRUNTIME, FloatParts, scheme_of
from tests.subjects import randomized

SPEC = GeneratorSpec(inputs=(TensorSpec(name="x", kind="image", shape=(3, 16, 16), range=(-1.0, 1.0)),))


def between_convolutions():
    """Transposed convolutions between ordinary ones, in their native form."""
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 8, 4, 2, 1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 1, 4, 2, 1),
        nn.ReLU(),
        nn.Conv2d(1, 3, 3, padding=1),
        nn.Tanh(),
    )
    return rewrite(capture(randomized(network), SPEC), "native-nhwc").value


def precisions(file: Path) -> list[str]:
    interpreter = Interpreter(str(file))
    types = {d["index"]: np.dtype(d["dtype"]).name for d in interpreter.get_tensor_details()}
    made = [op for op in interpreter._get_ops_details() if op["op_name"] in litert_tensors.LAYERS]
    return [types[int(op["outputs"][0])] for op in made]


@pytest.mark.parametrize("place", range(5))
def test_the_layer_that_is_raised_on_litert_is_the_one_that_was_meant(place, tmp_path):
    """Transposed convolutions count as well: without them, raising the second layer put the third in float."""
    graph = between_convolutions()
    every = layers(graph)
    floats = export_litert(graph.module, graph.example_inputs(), tmp_path / "f.tflite")
    observed = litert.observe(floats, [[t.numpy() for t in graph.example_inputs(seed)] for seed in range(4)])
    litert.quantize(floats, observed, tmp_path / "q.tflite", layers=every, raised_layers=[every[place]])
    wanted = ["int8"] * 5
    wanted[place] = "float32"
    assert precisions(tmp_path / "q.tflite") == wanted


@pytest.mark.parametrize("place", [0, 2, 4])
def test_the_layer_that_is_raised_in_pt2e_is_the_one_that_was_meant(place):
    graph = between_convolutions()
    every = layers(graph)
    batches = [graph.example_inputs(seed) for seed in range(4)]
    quantized = pt2e.quantize(graph, ONNXRUNTIME, batches, raised_layers=[every[place]]).value
    nodes = [n for n in quantized.module.graph.nodes if "conv" in str(n.target) and n.op == "call_function"]
    rounded = ["dequantize" in str(node.args[1].target) for node in nodes]
    assert rounded == [i % 2 == 0 and i != place for i in range(5)], "transposed ones have no int8 kernel there"


def test_a_file_of_other_layers_is_refused(dcgan_graph, tmp_path):
    """Neither another number of layers nor other sizes is taken for the graph's."""
    graph = rewrite(dcgan_graph, "phase-nhwc").value
    floats = export_litert(graph.module, graph.example_inputs(), tmp_path / "f.tflite")
    observed = litert.observe(floats, [[t.numpy() for t in graph.example_inputs()]])
    other = layers(between_convolutions())
    with pytest.raises(ModelError, match=r"f\.tflite has 3 convolutions and linear layers, the graph 5"):
        litert.quantize(floats, observed, tmp_path / "q.tflite", layers=other, raised_layers=other[:1])
    with pytest.raises(ModelError, match=r"layers of 2048 values and 216 weights where the graph has 1"):
        litert.quantize(floats, observed, tmp_path / "q.tflite", layers=other[:3], raised_layers=other[:1])
    assert not (tmp_path / "q.tflite").exists()


def counterparts(of):
    return [Counterpart(layer.node, layer.sizes, layer.energy) for layer in of]


def test_matching_is_by_number_size_content_and_order():
    every = layers(between_convolutions())
    nodes = [layer.node for layer in every]
    assert list(matched(every, counterparts(every), "it").values()) == nodes
    # Moved elsewhere, as converters do with layers that do not read each other: told apart by what they hold.
    assert list(matched(every, counterparts(reversed(every)), "it").values()) == nodes
    # What holds other weights altogether is matched by its order.
    scaled = [one._replace(energy=one.energy * place) for place, one in enumerate(counterparts(every), 2)]
    assert list(matched(every, scaled, "it").values()) == nodes
    with pytest.raises(ModelError, match=r"it has 0 layers of \d+ values and 216 weights where the graph has 1"):
        matched(every, [one._replace(sizes=(1, 1)) for one in counterparts(every)], "it")


def test_what_a_scheme_cannot_leave_in_float_is_refused(dcgan_graph, tmp_path):
    from edgegan.core.errors import TargetError

    with pytest.raises(TargetError, match="cannot leave statistics in float; it knows nothing, outputs"):
        pt2e.quantize(dcgan_graph, ONNXRUNTIME, [dcgan_graph.example_inputs()], float_parts=FloatParts.STATISTICS)
    with pytest.raises(TargetError, match="int8 of litert cannot leave outputs"):
        litert.quantize(tmp_path / "f.tflite", litert.Observed(), tmp_path / "q.tflite", FloatParts.OUTPUTS)
    with pytest.raises(TargetError, match="no int8 scheme of the backend 'litrt'"):
        scheme_of("litrt")
    assert scheme_of("litert", "mse").float_parts == LITERT.float_parts


def test_weights_that_are_computed_are_no_layers_of_the_file(tmp_path):
    """A product of two activations is a fully connected operator in the file, and no layer of the graph."""

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.query, self.key = nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x):
            return torch.softmax(self.query(x) @ self.key(x).transpose(1, 2), -1)

    spec = GeneratorSpec(inputs=(TensorSpec(name="x", kind="latent", shape=(4, 8)),))
    graph = capture(randomized(Attention()), spec)
    floats = export_litert(graph.module, graph.example_inputs(), tmp_path / "f.tflite")
    found = litert_tensors.file_layers(floats)
    assert matched(layers(graph), found, "the file") and len(found) == 2
