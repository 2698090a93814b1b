"""Quantize a Graph with torchao's PT2E flow: annotate, calibrate, convert to explicit quantize/dequantize operators."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection

import torch
from torch import fx
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

from edgegan.core.errors import ModelError
from edgegan.core.stage import StageResult, stopwatch
from edgegan.graph.editing import input_of, weighted_layers
from edgegan.graph.graph import Graph, copied, refresh
from edgegan.graph.trace import functional
from edgegan.quantize.annotate import BackendQuantizer, SchemeObserver, is_layer, maker
from edgegan.quantize.calibration import Batches, Ranges
from edgegan.quantize.layers import Counterpart, Layer, energy, layers, matched, sizes
from edgegan.quantize.ranges import joined
from edgegan.quantize.scheme import FloatParts, Scheme


def _set_ranges(prepared: fx.GraphModule, floats: fx.GraphModule, batches: Batches, ranges: Ranges) -> None:
    """Give every observer the range of the tensors that share it, wherever they have moved since they were made;
    ``floats`` is the graph before observers came in."""
    called = {n: prepared.get_submodule(str(n.target)) for n in prepared.graph.nodes if n.op == "call_module"}
    makers = {node.name: maker(node) for node in floats.graph.nodes if node.op in ("placeholder", "call_function")}
    made = {name: node.name for name, node in makers.items()}
    watched: dict[SchemeObserver, dict[str, None]] = {}
    for node, module in called.items():
        if isinstance(module, SchemeObserver):
            watched.setdefault(module, {})[made[_watched(node)]] = None
    wanted = {name for names in watched.values() for name in names}
    if not wanted <= ranges.by_node.keys():
        others = {node.name for node in makers.values() if _is_float(node)}
        ranges.learn(floats, wanted | others, batches)
    for observer, names in watched.items():
        observer.ranges = joined([ranges.by_node[name] for name in names])


def _is_float(node: fx.Node) -> bool:
    """Whether a scheme may ask for the node's range: it is learnt with the others, in one pass."""
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.is_floating_point() and value.ndim > 1


def _watched(node: fx.Node) -> str:
    """The tensor that an observer, or a chain of them, looks at."""
    source = input_of(node)
    return _watched(source) if source.op == "call_module" else str(source.name)


def trace(graph: Graph) -> fx.GraphModule:
    """``graph`` as PT2E takes it; candidates of one graph share it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return functional(graph.module, graph.example_inputs())


@torch.no_grad()
def quantize(
    graph: Graph,
    scheme: Scheme,
    batches: Batches,
    raised_layers: Collection[Layer] = (),
    float_parts: FloatParts = FloatParts.NOTHING,
    ranges: Ranges | None = None,
    traced: fx.GraphModule | None = None,
) -> StageResult[Graph]:
    """``graph`` with explicit int8 quantize/dequantize operators and int8 weights, calibrated on ``batches``.

    Its layers ``raised_layers`` and what ``float_parts`` names stay in float. ``ranges`` keeps what calibration of this
    graph showed, and spares later calls what it knows; ``traced`` is what ``trace`` gave of it. Raises ModelError when
    no layer can be quantized, or calibration meets NaN, TargetError for a ``float_parts`` that the scheme does not
    know.
    """
    scheme.check(float_parts)
    logging.getLogger("torchao").setLevel(logging.ERROR)
    with stopwatch() as seconds, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        floats = trace(graph) if traced is None else traced
        module = copied(floats)
        nodes = weighted_layers(module)
        count = sum(is_layer(node, scheme) for node in nodes)
        if not count:
            raise ModelError("no convolution or linear layer with constant weights was found to quantize")
        same = matched(
            layers(graph),
            [Counterpart(node, sizes(node), energy(module, node)) for node in nodes],
            "the traced graph",
        )
        ranges = ranges or Ranges(scheme.observer)
        left = frozenset(same[layer].name for layer in raised_layers)
        prepared = prepare_pt2e(module, BackendQuantizer(scheme, left, float_parts is FloatParts.OUTPUTS))
        prepared(*graph.example_inputs())
        _set_ranges(prepared, floats, batches, ranges)
        converted = convert_pt2e(prepared, fold_quantize=True)
        quantized = graph.with_module(converted)
        refresh(converted, graph.example_inputs())
        in_float = f", {len(raised_layers)} of {count} layers in float" if raised_layers else ""
        in_float += f", {float_parts.value} in float" if float_parts is not FloatParts.NOTHING else ""
        note = (
            f"int8 ({scheme.name} scheme): {count - len(raised_layers)} layers{in_float}, calibrated on {ranges.count} "
            "samples"
        )
        return StageResult(quantized, (note,), seconds())
