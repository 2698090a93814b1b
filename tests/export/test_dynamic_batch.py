"""ONNX files for any number of samples, held against PyTorch for each number."""

import numpy as np
import onnx
import pytest
import torch

from benchmarks.families import FAMILIES
from edgegan.core.errors import TargetError
from edgegan.core.sampling import sample_inputs
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.export.dynamic_batch import free_batch
from edgegan.export.onnx import export_onnx
from edgegan.export.tensorrt.network import check_with_parser
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite

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
