"""One pass on a drawn module, or on one operator alone, in float64 throughout."""

import torch
from torch import fx, nn

from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph.capture import capture
from edgegan.graph.graph import refresh


def rewritten(module: nn.Module, *shapes: tuple[int, ...], step):
    """The module in float64 and the same after ``step``, with the number of places changed. ``shapes`` are with
    batch."""
    specs = tuple(TensorSpec(name=f"x{i}", kind="latent", shape=s[1:]) for i, s in enumerate(shapes))
    graph = capture(module, GeneratorSpec(inputs=specs), shapes[0][0])
    return _after(graph.module.double(), tuple(t.double() for t in graph.example_inputs()), step)


def rewritten_operator(operator, x: torch.Tensor, weights: dict[str, torch.Tensor | None], *arguments, step):
    """``operator(x, *weights, *arguments)`` after ``step``: a graph of one node, made without tracing."""
    root = nn.Module()
    graph = fx.Graph()
    source = graph.placeholder("x")
    held = []
    for name, value in weights.items():
        if value is not None:
            root.register_buffer(name, value)
        held.append(None if value is None else graph.get_attr(name))
    graph.output(graph.call_function(operator, (source, *held, *arguments)))
    return _after(fx.GraphModule(root, graph), (x,), step)


def _after(module, inputs, step):
    refresh(module, inputs)
    count = step(module)
    refresh(module, inputs)
    return module, count


class Code(nn.Module):
    """A function of x, of layers that it is given by name, and of a constant where there is one."""

    def __init__(self, code, constant=None, **layers):
        super().__init__()
        self.code, self.layers = code, nn.ModuleDict(layers)
        self.register_buffer("constant", constant)

    def forward(self, *x):
        given = {} if self.constant is None else {"c": self.constant}
        return self.code(*x, **self.layers, **given)


def same_after(module, *shapes, step, tolerance=1e-10):
    """``rewritten``, which computes what ``module`` does."""
    after, count = rewritten(module.eval(), *shapes, step=step)
    inputs = [torch.randn(s, dtype=torch.float64) for s in shapes]
    assert (module.double()(*inputs) - after(*inputs)).abs().max() < tolerance
    return after, count


def check(module, *shapes, step, tolerance=1e-10):
    """``step`` acts on ``module`` and changes nothing; returns the operators that are left."""
    after, count = same_after(module, *shapes, step=step, tolerance=tolerance)
    assert count > 0
    return [n.target for n in after.graph.nodes if n.op == "call_function"]
