"""What one calibration showed serves every later quantization of the same graph."""

import numpy as np
import pytest
import torch

from edgegan.core.sampling import sample_inputs
from edgegan.graph.rewrite import rewrite
from edgegan.quantize import pt2e
from edgegan.quantize.scheme import ONNXRUNTIME, TENSORRT
from edgegan.quantize.seen import Seen


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

    seen, inputs = Seen("auto"), sample_inputs(graph.spec.inputs, 3, 2)
    for skip, float_outputs, wanted in ((frozenset(), False, 12), (frozenset({1}), False, 0), (frozenset({0, 2}), True, 0)):
        drawn = 0
        again = pt2e.quantize(graph, scheme, batches(), skip, float_outputs, seen)
        assert drawn == wanted and "12 samples" in again.notes[0]
        alone = pt2e.quantize(graph, scheme, batches(), skip, float_outputs)
        np.testing.assert_array_equal(again.value.run(inputs), alone.value.run(inputs))
