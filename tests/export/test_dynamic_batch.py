"""ONNX and LiteRT files for any number of samples, held against PyTorch for each number."""

import numpy as np
import onnx
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter

from benchmarks.families import FAMILIES
from edgegan.core.errors import TargetError
from edgegan.core.sampling import sample_inputs
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.export.dynamic_batch import free_batch
from edgegan.export.free_tflite import free_tflite_batch
from edgegan.export.litert import export_litert
from edgegan.export.onnx import export_onnx
from edgegan.export.tensorrt.network import check_with_parser
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite
from edgegan.runtime.litert import inputs_by_argument

IMAGES = GeneratorSpec(inputs=(TensorSpec(name="x", kind="image", shape=(4, 8, 8), range=(-1.0, 1.0)),))


def outputs(file, inputs):
    import onnxruntime as ort

    return ort.InferenceSession(str(file), providers=["CPUExecutionProvider"]).run(None, inputs)[0]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["native", "phase"])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_takes_any_number_or_says_why_not(family, form, tmp_path):
    module, spec = FAMILIES[family].build("small")[:2]
    graph = rewrite(capture(module, spec), form).value
    plain = export_onnx(graph, tmp_path / "g.onnx")
    free = free_batch(plain, tmp_path / "free.onnx", 1)
    inputs = sample_inputs(spec.inputs, 5, 0)
    np.testing.assert_allclose(outputs(free, inputs), graph.run(inputs), atol=2e-3, rtol=1e-3)
    assert onnx.load(free).graph.output[0].type.tensor_type.shape.dim[0].dim_param == "N"
    assert check_with_parser(free).layers > 0


def test_a_network_that_mixes_its_samples_is_refused(tmp_path):
    class Mixes(torch.nn.Module):
        def forward(self, x):
            return x - x.mean()

    file = export_onnx(capture(Mixes(), IMAGES), tmp_path / "g.onnx")
    with pytest.raises(TargetError, match="depend on how many"):
        free_batch(file, tmp_path / "free.onnx", 1)
    assert not (tmp_path / "free.onnx").exists()


@pytest.mark.slow
@pytest.mark.parametrize("family", ["dcgan", "pix2pix"])
def test_a_litert_file_takes_any_number_where_its_inputs_are_resized(family, tmp_path):
    module, spec = FAMILIES[family].build("small")[:2]
    graph = rewrite(capture(module, spec), "phase-nhwc").value
    file = export_litert(graph.module, graph.example_inputs(), tmp_path / "g.tflite")
    free_tflite_batch(file, 1)
    inputs = sample_inputs(spec.inputs, 5, 0)
    interpreter = Interpreter(str(file), num_threads=1)
    places = inputs_by_argument(interpreter)
    for argument, values in enumerate(inputs.values()):
        interpreter.resize_tensor_input(places[argument]["index"], values.shape)
    interpreter.allocate_tensors()
    for argument, values in enumerate(inputs.values()):
        interpreter.set_tensor(places[argument]["index"], values.astype(places[argument]["dtype"]))
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(found, graph.run(inputs), atol=2e-3, rtol=1e-3)
    assert [path.name for path in tmp_path.iterdir()] == ["g.tflite"]


@pytest.mark.slow
def test_litert_keeps_the_batch_of_instance_norms(tmp_path):
    """Of one sample the converter folds the batch into what is averaged."""
    module, spec = FAMILIES["cyclegan"].build("small")[:2]
    graph = rewrite(capture(module, spec), "phase-nhwc").value
    file = export_litert(graph.module, graph.example_inputs(), tmp_path / "g.tflite")
    before = file.read_bytes()
    with pytest.raises(TargetError, match="compress it once for each number of samples"):
        free_tflite_batch(file, 1)
    assert file.read_bytes() == before and [path.name for path in tmp_path.iterdir()] == ["g.tflite"]
