"""A product of two transpositions: litert-torch makes a file of it that LiteRT refuses."""

import numpy as np
import pytest
import torch
from torch import nn

from edgegan.core.errors import TargetError
from edgegan.core.spec import GeneratorSpec, parse_input
from edgegan.export.litert import export_litert
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite
from edgegan.metrics.pairwise import psnr_db
from edgegan.quantize import litert, litert_tensors
from tests.subjects import randomized


class SelfAttention(nn.Module):
    """As SAGAN's public code has it."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = nn.Conv1d(16, 4, 1), nn.Conv1d(16, 4, 1), nn.Conv1d(16, 16, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.flatten(2)
        alike = torch.softmax(torch.bmm(self.query(rows).transpose(1, 2), self.key(rows)), dim=1)
        return (torch.bmm(self.value(rows), alike) + rows).view(x.shape)


def drawn(path, value):
    interpreter = litert.Interpreter(str(path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], value)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_it_is_said_and_avoided_and_quantized(tmp_path):
    spec = GeneratorSpec(inputs=(parse_input("latent:16x8x8", "x"),), output_range=(-4.0, 4.0))
    graph = capture(randomized(SelfAttention()), spec)
    with pytest.raises(TargetError, match="to a file that LiteRT refuses"):
        export_litert(graph.module, graph.example_inputs(), tmp_path / "plain.tflite")
    assert not (tmp_path / "plain.tflite").exists()
    form = rewrite(graph, "phase-nhwc").value
    floats = export_litert(form.module, form.example_inputs(), tmp_path / "float.tflite")
    (given,) = (value.numpy() for value in graph.example_inputs(5))
    wanted = graph.run({"x": given})
    np.testing.assert_allclose(drawn(floats, given), wanted, rtol=1e-4, atol=1e-4)
    # The product's right side is computed: in int8 it would have a zero point, for which LiteRT has no kernel.
    assert len(litert_tensors.computed_layers(floats)) == 1
    observed = litert.observe(floats, [[value.numpy() for value in graph.example_inputs(seed)] for seed in range(8)])
    litert.quantize(floats, observed, tmp_path / "int8.tflite")
    assert psnr_db(wanted, drawn(tmp_path / "int8.tflite", given), spec.output_range) > 25
