"""Fewer pairs of quantize and dequantize, in ONNX Runtime and NVIDIA's own parser."""

from collections import Counter

import numpy as np
import onnx
import pytest
import torch

from edgegan.core.errors import TargetError
from edgegan.core.sampling import sample_inputs
from edgegan.export.onnx import NORMS, export_onnx, halve, has_norms
from edgegan.export.placements import placements
from edgegan.export.shared_weights import share_weights
from edgegan.export.tensorrt.network import ParsedNetwork, check_with_parser
from edgegan.export.tensorrt.pairs import leave_out, pairs
from edgegan.graph.capture import capture
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize import pt2e
from edgegan.quantize.scheme import TENSORRT
from tests.conftest import PHOTO
from tests.export.inputs import calibration
from tests.export.test_backends_take_it import onnx_images
from tests.subjects import TinyResidual, randomized


@pytest.fixture
def graph():
    return capture(randomized(TinyResidual()), PHOTO)


@pytest.fixture
def rounded(graph, tmp_path):
    return export_onnx(pt2e.quantize(graph, TENSORRT, calibration(graph)).value, tmp_path / "g.onnx")


def operators(file):
    return Counter(node.op_type for node in onnx.load(file).graph.node)


def readers_of_rounded(file, kinds):
    """How many inputs of nodes of those kinds come from a dequantize operator whose own input was quantized."""
    graph = onnx.load(file).graph
    makers = {output: node for node in graph.node for output in node.output}
    names = [name for node in graph.node if node.op_type in kinds for name in node.input if name in makers]
    return sum(makers[name].op_type == "DequantizeLinear" and makers[name].input[0] in makers for name in names)


def test_what_is_added_or_last_is_not_rounded(graph, rounded, tmp_path):
    inputs = sample_inputs(graph.spec.inputs, 4, 2)
    wanted = graph.run(inputs)
    found = placements(rounded, tmp_path)
    assert set(found) == {"sums", "last", "sums-last"}
    assert readers_of_rounded(rounded, ("Add", "Concat")) > 0 < readers_of_rounded(rounded, ("Tanh",))
    assert readers_of_rounded(found["sums"], ("Add", "Concat")) == 0 < readers_of_rounded(found["sums"], ("Tanh",))
    assert readers_of_rounded(found["last"], ("Tanh",)) == 0 < readers_of_rounded(found["last"], ("Add", "Concat"))
    before = psnr_db(wanted, onnx_images(rounded, inputs), (-1, 1))
    for name, file in found.items():
        onnx.checker.check_model(onnx.load(file), full_check=True)
        assert [o.name for o in onnx.load(file).graph.output] == [o.name for o in onnx.load(rounded).graph.output]
        assert psnr_db(wanted, onnx_images(file, inputs), (-1, 1)) > before, name
        assert operators(file)["QuantizeLinear"] < operators(rounded)["QuantizeLinear"]
        assert check_with_parser(file).quantize_layers > 0


@pytest.mark.parametrize("half", [False, True])
def test_nvidia_s_network_goes_without_the_pairs_that_are_named(rounded, tmp_path, half):
    """Each alone and all together; the layers that read them then read what no layer rounds."""
    file = halve(rounded, tmp_path / "half.onnx") if half else rounded
    every = pairs(ParsedNetwork("tensorrt-rtx", file))
    activations = {node.name for node in onnx.load(file).graph.node if node.op_type == "QuantizeLinear"}
    assert len(every) > 4 and set(every) <= activations
    for names in (*((name,) for name in every), every):
        parsed = ParsedNetwork("tensorrt-rtx", file)
        leave_out(parsed, names)
        assert pairs(parsed) == tuple(name for name in every if name not in names)
    config = parsed.builder.create_builder_config()
    config.num_compute_capabilities = 1
    config.set_compute_capability(parsed.trt.ComputeCapability.SM89, 0)
    assert parsed.serialize(config) and not any("Datatype: Int8" in line for line in parsed.layers)
    with pytest.raises(TargetError, match="no layer that quantizes"):
        leave_out(ParsedNetwork("tensorrt-rtx", file), ["elsewhere"])


def test_float16_may_leave_normalisation_in_float32(cyclegan_graph, tmp_path):
    plain = export_onnx(cyclegan_graph, tmp_path / "g.onnx")
    assert has_norms(plain) and not has_norms(
        export_onnx(capture(randomized(TinyResidual()), PHOTO), tmp_path / "r.onnx")
    )
    kept = halve(plain, tmp_path / "kept.onnx", NORMS)
    graph = onnx.shape_inference.infer_shapes(onnx.load(kept)).graph
    types = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    norms = [node for node in graph.node if node.op_type == "InstanceNormalization"]
    assert norms and all(types[node.output[0]] == onnx.TensorProto.FLOAT for node in norms)
    assert all(types[node.output[0]] == onnx.TensorProto.FLOAT16 for node in graph.node if node.op_type == "Relu")
    inputs = sample_inputs(cyclegan_graph.spec.inputs, 4, 2)
    assert psnr_db(cyclegan_graph.run(inputs), onnx_images(kept, inputs), (-1, 1)) > 50
    assert check_with_parser(kept).layers > 0


def test_weights_that_files_share_are_stored_once(graph, rounded, tmp_path):
    torch.manual_seed(0)
    large = capture(randomized(TinyResidual(32)), PHOTO)
    files = {"a": export_onnx(large, tmp_path / "a.onnx"), "b": export_onnx(large, tmp_path / "b.onnx")}
    files["c"] = rounded
    folder = tmp_path / "shared"
    folder.mkdir()
    weights = folder / "weights.bin"
    models = share_weights(files, weights)
    assert weights.stat().st_size < 1.1 * files["a"].stat().st_size
    inputs = sample_inputs(graph.spec.inputs, 2, 2)
    for name, content in models.items():
        (folder / f"{name}.onnx").write_bytes(content)
        np.testing.assert_array_equal(onnx_images(folder / f"{name}.onnx", inputs), onnx_images(files[name], inputs))
        assert check_with_parser(folder / f"{name}.onnx").layers > 0
