"""Quantize a Graph with torchao's PT2E flow: annotate, calibrate, convert to explicit quantize/dequantize operators."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import fx
from torchao.quantization.pt2e import ObserverBase, PerChannelMinMaxObserver
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import QuantizationAnnotation, QuantizationSpec, Quantizer, SharedQuantizationSpec

from edgegan.core.errors import ModelError
from edgegan.core.stage import StageResult, stopwatch
from edgegan.graph.editing import LAYERS, TRANSPOSED, arguments, aten, is_call, sole_user, weight, weighted_layers
from edgegan.graph.graph import Graph, functional, refresh
from edgegan.quantize.ranges import RangeObserver
from edgegan.quantize.scheme import FUSED, SATURATING, Scheme

MOVES = (
    aten.pixel_shuffle.default, aten.slice.Tensor, aten.reshape.default, aten.view.default, aten.permute.default,
    aten.transpose.int, aten.unsqueeze.default, aten.squeeze.dim, aten.upsample_nearest2d.vec,
)  # fmt: skip


class SchemeObserver(ObserverBase):
    """A PT2E observer over RangeObserver: one range a tensor, by the scheme's method."""

    def __init__(self, dtype=torch.int8, qscheme=torch.per_tensor_affine, quant_min=-128, quant_max=127, saturation=None, method="auto", **_ignored) -> None:
        super().__init__(dtype)
        self.qscheme, self.quant_min, self.quant_max = qscheme, quant_min, quant_max
        self.saturation, self.ranges = saturation, RangeObserver(method=method)

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        if value.numel():
            self.ranges.observe(value.detach().float().numpy())
        return value

    def calculate_qparams(self) -> tuple[torch.Tensor, torch.Tensor]:
        low, high = self.ranges.range(self.saturation)
        if self.qscheme == torch.per_tensor_symmetric:
            return torch.tensor([max(-low, high) / 127.0]), torch.tensor([0])
        scale = (high - low) / (self.quant_max - self.quant_min)
        return torch.tensor([scale]), torch.tensor([round(self.quant_min - low / scale)]).clamp(self.quant_min, self.quant_max)


class BackendQuantizer(Quantizer):
    """Annotates convolutions and linear layers, inputs and outputs, and lets data movement share their scales.

    Normalisation arithmetic stays in float, and the layers whose places are in ``skip``, counted as they run. With
    ``float_outputs`` a layer rounds what it gives only where another layer reads it: what normalisation, addition or a
    tanh reads, or the user sees, stays in float.
    """

    def __init__(self, scheme: Scheme, skip: frozenset[int] = frozenset(), float_outputs: bool = False) -> None:
        super().__init__()
        self.scheme, self.skip, self.float_outputs = scheme, skip, float_outputs

    def annotate(self, model: fx.GraphModule) -> fx.GraphModule:
        layers = weighted_layers(model)
        for place, node in enumerate(layers):
            if _is_layer(node, self.scheme) and place not in self.skip:
                self._annotate_layer(node)
        for node in model.graph.nodes:
            if is_call(node, *MOVES) and "quantization_annotation" not in node.meta and _is_quantized(node.args[0]):
                shared = SharedQuantizationSpec((node.args[0], node))
                _annotate(node, {node.args[0]: self._activation()}, shared)
        return model

    def validate(self, model: fx.GraphModule) -> None:
        """Every annotation is of this quantizer's own making; there is nothing to refuse."""

    def _annotate_layer(self, node: fx.Node) -> None:
        user = sole_user(node)
        end = user if user is not None and is_call(user, *FUSED) else node
        inputs = {node.args[0]: self._activation(), node.args[1]: _weight_spec(1 if is_call(node, *TRANSPOSED) else 0)}
        if self.float_outputs and not all(is_call(reader, *LAYERS, *TRANSPOSED, *MOVES) for reader in end.users):
            _annotate(node, inputs, None)
            return
        saturation = None
        if user is not None and user.target in SATURATING:
            saturation = SATURATING[user.target]
            _annotate(user, {}, self._activation())
        if end is node:
            _annotate(node, inputs, self._activation(saturation))
        else:
            _annotate(node, inputs, None)
            _annotate(end, {}, self._activation())

    def _activation(self, saturation: float | None = None) -> QuantizationSpec:
        arguments = {"saturation": saturation, "method": self.scheme.observer}
        constructor = SchemeObserver.with_args(**arguments)
        if self.scheme.symmetric:
            return QuantizationSpec(dtype=torch.int8, quant_min=-127, quant_max=127, qscheme=torch.per_tensor_symmetric, observer_or_fake_quant_ctr=constructor)
        return QuantizationSpec(dtype=torch.uint8, quant_min=0, quant_max=255, qscheme=torch.per_tensor_affine, observer_or_fake_quant_ctr=constructor)


def _is_layer(node: fx.Node, scheme: Scheme) -> bool:
    """A layer that the backend has an int8 kernel for."""
    return is_call(node, *LAYERS) or (scheme.transposed and is_call(node, *TRANSPOSED) and arguments(node)["groups"] == 1)


def _weight_spec(axis: int) -> QuantizationSpec:
    return QuantizationSpec(dtype=torch.int8, quant_min=-127, quant_max=127, qscheme=torch.per_channel_symmetric, ch_axis=axis, observer_or_fake_quant_ctr=PerChannelMinMaxObserver)


def _annotate(node: fx.Node, inputs: dict, output) -> None:
    node.meta["quantization_annotation"] = QuantizationAnnotation(input_qspec_map=inputs, output_qspec=output, _annotated=True)


def _is_quantized(node) -> bool:
    annotation = node.meta.get("quantization_annotation") if isinstance(node, fx.Node) else None
    return annotation is not None and annotation.output_qspec is not None


@dataclass
class Seen:
    """The ranges of a graph's tensors by the node that makes them, taken from ``count`` samples."""

    ranges: dict[str, RangeObserver] = field(default_factory=dict)
    count: int = 0


def _calibrate(prepared: fx.GraphModule, batches: Iterable[tuple[torch.Tensor, ...]], seen: Seen) -> None:
    """Show ``batches`` to the observers; only the first, which the weights need, where ``seen`` knows all tensors."""
    called = {n: prepared.get_submodule(str(n.target)) for n in prepared.graph.nodes if n.op == "call_module"}
    observers = {_watched(node): module for node, module in called.items() if isinstance(module, SchemeObserver)}
    known, count = seen.count > 0 and set(observers) <= set(seen.ranges), 0
    for batch in batches:
        try:
            prepared(*batch)
        except ValueError as exc:
            raise ModelError(f"calibration met a {exc} in the generator; check the weights and the --data") from exc
        count += len(batch[0])
        if known:
            break
    if not known:
        seen.ranges |= {name: observer.ranges for name, observer in observers.items()}
        seen.count = count
    for name, observer in observers.items():
        observer.ranges = seen.ranges[name]


def _watched(node: fx.Node) -> str:
    """The tensor that an observer, or a chain of them, looks at."""
    source = node.args[0]
    while source.op == "call_module":
        source = source.args[0]
    return str(source.name)


@torch.no_grad()
def quantize(graph: Graph, scheme: Scheme, batches: Iterable[tuple[torch.Tensor, ...]], skip: frozenset[int] = frozenset(), float_outputs: bool = False, seen: Seen | None = None) -> StageResult[Graph]:
    """``graph`` with explicit int8 quantize/dequantize operators and int8 weights, calibrated on ``batches``.

    ``seen`` keeps what calibration of this graph showed: filled by the first call, it spares later ones all but one batch.
    Raises ModelError when no layer can be quantized, or calibration meets NaN.
    """
    logging.getLogger("torchao").setLevel(logging.ERROR)
    with stopwatch() as seconds, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = functional(graph.module, graph.example_inputs())
        layers = [n for n in module.graph.nodes if _is_layer(n, scheme) and weight(module, n.args[1]) is not None]
        if not layers:
            raise ModelError("no convolution or linear layer with constant weights was found to quantize")
        prepared = prepare_pt2e(module, BackendQuantizer(scheme, skip, float_outputs))
        seen = Seen() if seen is None else seen
        _calibrate(prepared, batches, seen)
        converted = convert_pt2e(prepared, fold_quantize=True)
        quantized = graph.with_module(converted)
        refresh(converted, graph.example_inputs())
        kept = f", {len(skip)} of {len(layers)} layers in float" if skip else ""
        kept += ", what no layer reads in float" if float_outputs else ""
        note = f"int8 ({scheme.name} scheme): {len(layers) - len(skip)} layers{kept}, calibrated on {seen.count} samples"
        return StageResult(quantized, (note,), seconds())
