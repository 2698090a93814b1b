"""Places in a graph that have several exact forms, and the graph with a form chosen for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph.capture import capture
from edgegan.graph.editing import arguments, input_of, is_call, operator, shape, weight
from edgegan.graph.graph import Graph
from edgegan.graph.operators import RECTIFIERS, TRANSPOSED
from edgegan.graph.passes import LAST, LITERT, Pass
from edgegan.graph.passes.phase_conv import CHANNELS_FIRST, CHANNELS_LAST, rewrite_layers
from edgegan.graph.passes.pixel_linear import pixel_linear
from edgegan.graph.passes.upsample_conv import merge, upsampled_input
from edgegan.graph.phases import match

NATIVE = "native"
SETTINGS = ("stride", "padding", "output_padding", "groups")


@dataclass(frozen=True)
class Site:
    """One layer: ``forms`` are those worth measuring, ``key`` tells layers of equal cost, ``alone`` builds it by
    itself.

    ``transposed``: its native form is a transposed convolution. ``rectified``: what it reads is never negative.
    """

    node: str
    key: str
    forms: tuple[str, ...]
    alone: Callable[[], Graph]
    transposed: bool
    rectified: bool


def sites(graph: Graph) -> list[Site]:
    """Transposed convolutions, and nearest upsampling with the convolution after it, of a cleaned graph."""
    places = []
    for node in graph.module.graph.nodes:
        if (
            is_call(node, *TRANSPOSED)
            and shape(input_of(node))[2:] != (1, 1)
            and (phases := match(graph.module, node)) is not None
        ):
            wasteful = any(a.kernel % a.stride for a in phases.axes) and phases.split() is not None
            places.append(
                _site(
                    graph, node, input_of(node), (NATIVE, "stacked") + (("split",) if wasteful else ()), phases.kernel
                )
            )
        elif (read := upsampled_input(graph.module, node)) is not None:
            kernel = weight(graph.module, node.args[1])
            assert kernel is not None
            wasteful = (kernel.shape[2] + read.factor - 1) % read.factor != 0
            places.append(
                _site(graph, node, read.source, (NATIVE, "stacked") + (("split",) if wasteful else ()), kernel)
            )
    return places


def composed(forms: Mapping[str, str], channels_last: bool) -> tuple[Pass, ...]:
    """Passes that give every site of a cleaned graph the form that ``forms`` names by node; others stay as they are."""
    wanted = CHANNELS_LAST if channels_last else CHANNELS_FIRST

    def chosen_forms(module: fx.GraphModule) -> int:
        by_node = dict(forms)
        for node in list(module.graph.nodes):
            if by_node.get(node.name, NATIVE) != NATIVE and (read := upsampled_input(module, node)) is not None:
                by_node[merge(module, node, read).name] = by_node.pop(node.name)
        return rewrite_layers(module, lambda node: wanted.get(by_node.get(node.name, NATIVE)))

    return (pixel_linear, chosen_forms, *(LITERT if channels_last else LAST))


def _site(graph: Graph, node: fx.Node, source: fx.Node, forms: tuple[str, ...], kernel: torch.Tensor) -> Site:
    parts = [
        str(node.target).removeprefix("aten."),
        "x".join(map(str, shape(source))),
        "->",
        "x".join(map(str, shape(node))),
        "k" + "x".join(map(str, kernel.shape[2:])),
    ]
    call = arguments(node)
    parts += [
        f"{name} {'x'.join(map(str, value)) if isinstance(value, list | tuple) else value}"
        for name in SETTINGS
        if (value := call.get(name)) is not None
    ]
    layer = _Alone(node, source, kernel)
    spec = GeneratorSpec(inputs=(TensorSpec(name="x", kind="latent", shape=shape(source)[1:]),))
    return Site(
        node.name,
        " ".join(parts),
        forms,
        lambda: capture(layer, spec, graph.batch),
        is_call(node, *TRANSPOSED),
        is_call(source, *RECTIFIERS),
    )


class _Alone(nn.Module):
    """The layer with its own weights and what stands between it and ``source``: upsampling, padding."""

    def __init__(self, node: fx.Node, source: fx.Node, kernel: torch.Tensor) -> None:
        super().__init__()
        self.kernel = nn.Parameter(kernel.clone(), requires_grad=False)
        self.operator, self.arguments = operator(node), node.args[3:]
        self.before: list[tuple[Any, tuple[Any, ...]]] = []
        step = input_of(node)
        while step is not source:
            self.before.insert(0, (step.target, step.args[1:]))
            step = input_of(step)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for step, rest in self.before:
            x = step(x, *rest)
        result: torch.Tensor = self.operator(x, self.kernel, None, *self.arguments)
        return result
