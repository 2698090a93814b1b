"""torch.export: one graph, whatever code made it."""

from __future__ import annotations

import inspect
import traceback

import torch

from edgegan.core.errors import ModelError, first_line
from edgegan.core.sampling import sample_inputs
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph.assertions import Checks
from edgegan.graph.editing import input_of
from edgegan.graph.footprint import check_memory
from edgegan.graph.graph import Graph, first_output, refresh
from edgegan.graph.real_arithmetic import RealArithmetic, has_complex_values
from edgegan.graph.scripted import unscripted
from edgegan.graph.trace import functional

LEAST_SOUND = 1024
"""Values of an output (N, T), without channels, from which it is taken for a sound: vocoders give those."""


class _FirstOutput(torch.nn.Module):
    """A generator that returns its image, or its sound, alone, with channels. One whose ``forward`` takes several
    inputs as one tuple (SFTGAN's) is given them so."""

    def __init__(self, generator: torch.nn.Module, inputs: int) -> None:
        super().__init__()
        self.generator = generator
        self.in_a_tuple = inputs > 1 and _takes_one(generator)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        image: torch.Tensor = first_output(self.generator(inputs) if self.in_a_tuple else self.generator(*inputs))
        return image.unsqueeze(1) if image.ndim == 2 and image.shape[1] >= LEAST_SOUND else image


def capture(generator: torch.nn.Module, spec: GeneratorSpec, batch: int = 1) -> Graph:
    """The generator as a Graph for ``batch`` samples at a time.

    It is run once first, so that a mismatch between the inputs and ``forward`` is told in PyTorch's words.
    Raises ModelError: memory does not suffice, the inputs do not fit, the output is no image, or torch.export cannot
    capture the code (the line of the user's code is named).
    """
    generator = _FirstOutput(generator.float().eval(), len(spec.inputs)).eval()
    inputs = tuple(torch.from_numpy(v) for v in sample_inputs(spec.inputs, batch, 0).values())
    check_memory(generator, inputs)
    described = ", ".join(f"{i.kind} {tuple(t.shape)}" for i, t in zip(spec.inputs, inputs, strict=True))
    checks = Checks()
    try:
        with torch.no_grad(), checks:
            output = generator(*inputs)
    except Exception as exc:
        how = " as one tuple, since forward() has one argument" if generator.in_a_tuple else ""
        raise ModelError(
            f"the generator does not take the given inputs ({described}){how}: {first_line(exc)}{_user_line(exc)}\n"
            "Check --input against the arguments of forward()."
        ) from exc
    if not torch.is_floating_point(output) or output.ndim not in (3, 4) or output.shape[0] != batch:
        raise ModelError(
            f"the generator's first output is {output.dtype} of shape {tuple(output.shape)}; expected float "
            f"(batch={batch}, C, H, W), or ({batch}, C, T) or ({batch}, T) of a sound of {LEAST_SOUND} values at least"
        )
    if not torch.isfinite(output).all():
        raise ModelError("the generator gives NaN or infinite values for ordinary inputs; check the weights")
    try:
        with unscripted(generator):
            module = functional(generator, inputs, checks.answers)
        if has_complex_values(module):
            module = functional(RealArithmetic(module), inputs)
    except ModelError:
        raise
    except Exception as exc:
        raise ModelError(
            f"torch.export cannot capture the generator: {first_line(exc)}{_user_line(exc)}\nReplace control flow or "
            "Python numbers that depend on tensor values (.item(), if tensor: ...) by tensor operators."
        ) from exc
    graph = Graph(plain_names(module, spec.inputs), spec, batch)
    refresh(graph.module, inputs)
    return graph


def _takes_one(generator: torch.nn.Module) -> bool:
    """Whether ``forward`` has one argument and no more; not where its code is not at hand."""
    try:
        taken = inspect.signature(generator.forward).parameters.values()
    except ValueError:
        return False
    return [each.kind for each in taken] == [inspect.Parameter.POSITIONAL_OR_KEYWORD]


def plain_names(module: torch.fx.GraphModule, inputs: tuple[TensorSpec, ...]) -> torch.fx.GraphModule:
    """Placeholders named as the spec names the inputs; one that the network never reads stays, unused."""
    placeholders = [n for n in module.graph.nodes if n.op == "placeholder"]
    assert len(placeholders) == len(inputs)
    taken = {n.name for n in module.graph.nodes if n.op != "placeholder"}
    for node, spec in zip(placeholders, inputs, strict=True):
        node.name = node.target = spec.name if spec.name not in taken else f"{spec.name}_input"
    module.graph._codegen = torch.fx.graph.CodeGen()
    output = next(n for n in module.graph.nodes if n.op == "output")
    output.args = (first_output(input_of(output)),)
    module.recompile()
    return module


def _user_line(exc: BaseException) -> str:
    """`` (at file:line: code)`` of the innermost frame outside torch and this package, where there is one."""
    frames = [
        f
        for f in traceback.extract_tb(exc.__traceback__)
        if "/torch/" not in f.filename and "/edgegan/graph/" not in f.filename and not f.filename.startswith("<")
    ]
    return f" (at {frames[-1].filename}:{frames[-1].lineno}: {frames[-1].line})" if frames else ""
