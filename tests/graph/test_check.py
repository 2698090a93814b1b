"""What counts as the same function of a network that makes much of small differences."""

import torch
from torch import nn

from edgegan.core.spec import GeneratorSpec, parse_input
from edgegan.graph.capture import capture
from edgegan.graph.check import TOLERANCE, Reference
from edgegan.graph.editing import is_call, replace
from edgegan.graph.operators import aten
from edgegan.graph.rewrite import apply, rewrite
from tests.subjects import randomized


class Sensitive(nn.Module):
    """A fold rounds its weights by 6e-8, which the sine makes a thousand times that."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(1000.0 * self.layers(x))


def sensitive_graph():
    spec = GeneratorSpec(inputs=(parse_input("image:3x12x12", "x"),), output_range=(-1.0, 1.0))
    return capture(randomized(Sensitive()), spec)


def test_what_float32_leaves_is_allowed():
    graph = sensitive_graph()
    reference = Reference(graph)
    result = rewrite(graph, "native", reference)
    assert not any(is_call(n, aten.batch_norm.default) for n in result.value.module.graph.nodes)
    assert TOLERANCE < reference.difference(result.value).relative <= reference.allowed <= 1e-3


def test_what_is_wrong_is_undone_there_too():
    def wrong(module):
        sine = next(n for n in module.graph.nodes if is_call(n, aten.sin.default))
        replace(sine, lambda graph: graph.call_function(aten.mul.Tensor, (sine.args[0], 0.001)))
        return 1

    graph = sensitive_graph()
    result = apply(graph, (wrong,))
    assert result.value is graph and "undone" in result.notes[0]
