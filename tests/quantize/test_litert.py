"""Which operators of a LiteRT file are meant, by the names of what they give."""

import re

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import hardswish

from edgegan.export.litert import export_litert
from edgegan.graph.warping import BILINEAR, BORDER, warped
from edgegan.quantize.litert import _any_of, observe, quantize


@given(st.lists(st.text(min_size=1), min_size=1, unique=True), st.text())
def test_one_pattern_takes_those_names_and_no_other(names, other):
    pattern = re.compile(_any_of(names))
    assert all(pattern.search(f"{name};") for name in names)
    assert bool(pattern.search(f"{other};")) == (other in names)


@pytest.mark.parametrize(
    "operator, kind",
    [
        (lambda a, b: a / (b.abs() + 0.5), "DIV"),
        (lambda a, b: a * (b.abs() + 0.5).rsqrt(), "RSQRT"),
        (lambda a, b: torch.relu(torch.cat([a, b], 1)), "RELU"),
        (lambda a, b: torch.softmax(a, 1) * b, "SOFTMAX"),
        (torch.matmul, "BATCH_MATMUL"),
        (lambda a, b: hardswish(a + b), "HARD_SWISH"),
    ],
)
def test_what_has_only_a_reference_kernel_in_int8_stays_in_float(operator, kind, tmp_path):
    """One that is int8 takes up to thirty times as long as in float; layers around it are int8 nevertheless."""

    class Between(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.first, self.second = nn.Conv2d(3, 8, 1), nn.Conv2d(3, 8, 1)
            self.last = nn.Conv2d(operator(*(torch.ones(1, 8, 4, 4),) * 2).shape[1], 3, 1)

        def forward(self, x):
            return self.last(operator(self.first(x), self.second(x)))

    samples = torch.randn(16, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    interpreter, drawn, wanted = rounded(Between().eval(), samples, tmp_path)
    types = {d["index"]: d["dtype"] for d in interpreter.get_tensor_details()}
    read = {op["op_name"]: types[int(op["inputs"][0])] for op in interpreter._get_ops_details()}
    assert read[kind] is np.float32 and read["CONV_2D"] is np.int8
    assert np.abs(drawn - wanted).max() < 0.05 * np.ptp(wanted)


def rounded(module, samples, folder):
    """Its int8 file's interpreter, and what that and the module make of the first sample."""
    floats, out = folder / "f.tflite", folder / "g.tflite"
    export_litert(module, (samples[:1],), floats)
    quantize(floats, observe(floats, [[sample[None].numpy()] for sample in samples], "minmax"), out)
    interpreter = Interpreter(str(out), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], samples[:1].numpy())
    interpreter.invoke()
    with torch.no_grad():
        wanted = module(samples[:1]).numpy()
    return interpreter, interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), wanted


def test_where_a_flow_moves_each_pixel_stays_in_float(tmp_path):
    class Flow(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.flow, self.last = nn.Conv2d(3, 2, 3, padding=1), nn.Conv2d(3, 3, 1)
            lines = torch.linspace(-1, 1, 64)
            self.register_buffer("still", torch.stack(torch.meshgrid(lines, lines, indexing="xy"), -1)[None])

        def forward(self, x):
            places = self.still + 0.05 * torch.tanh(self.flow(x)).permute(0, 2, 3, 1)
            return self.last(warped(x, places, BILINEAR, BORDER, True))

    samples = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    interpreter, drawn, wanted = rounded(Flow().eval(), samples, tmp_path)
    types = {d["index"]: d["dtype"] for d in interpreter.get_tensor_details()}
    read = [(op["op_name"], types[int(op["inputs"][0])]) for op in interpreter._get_ops_details()]
    assert ("FLOOR", np.float32) in read and ("CONV_2D", np.int8) in read
    assert np.sqrt(np.square(drawn - wanted).mean()) < 0.01 * np.ptp(wanted)
