"""LiteRT's own operator in the place of three: the same numbers, still in one partition."""

from collections import Counter

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from benchmarks.families import FAMILIES
from edgegan.bench.partitions import partitions
from edgegan.core.sampling import sample_inputs
from edgegan.export.depth_to_space import depth_to_space
from edgegan.export.litert import export_litert
from edgegan.graph.capture import capture
from edgegan.graph.passes import LITERT_INT8
from edgegan.graph.rewrite import apply, rewrite
from edgegan.quantize import litert


def operators(path):
    return Counter(op["op_name"] for op in Interpreter(str(path))._get_ops_details() if op["op_name"] != "DELEGATE")


def image(path, inputs):
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.slow
@pytest.mark.parametrize("family, count", [("dcgan", 2), ("sr-compact", 1), ("upconv", 2)])
def test_shuffles_become_one_operator(family, count, tmp_path):
    graph = capture(*FAMILIES[family].build())
    form = apply(rewrite(graph, "phase-nhwc").value, LITERT_INT8).value
    floats = export_litert(form.module, form.example_inputs(), tmp_path / "float.tflite")
    inputs = list(sample_inputs(graph.spec.inputs, 1, 3).values())
    int8 = litert.quantize(floats, litert.observe(floats, [inputs]), tmp_path / "int8.tflite").value
    for path in (floats, int8):
        before, wanted = operators(path), image(path, inputs)
        assert depth_to_space(path) == count
        after = operators(path)
        assert (
            after["DEPTH_TO_SPACE"] == count
            and after["RESHAPE"] == before["RESHAPE"] - 2 * count
            and after["TRANSPOSE"] == before["TRANSPOSE"] - count
        )
        np.testing.assert_array_equal(image(path, inputs), wanted)
        assert partitions(path).count == 1
        assert depth_to_space(path) == 0


@pytest.mark.slow
def test_what_shuffles_nothing_is_left_as_it_is(tmp_path):
    graph = capture(*FAMILIES["gan"].build())
    path = export_litert(graph.module, graph.example_inputs(), tmp_path / "g.tflite")
    content = path.read_bytes()
    assert depth_to_space(path) == 0 and path.read_bytes() == content
