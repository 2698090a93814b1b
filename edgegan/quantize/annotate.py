"""Which edges of a graph a backend's int8 quantizes, told to torchao's PT2E by annotations."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torchao.quantization.pt2e import ObserverBase, PerChannelMinMaxObserver
from torchao.quantization.pt2e.quantizer import (
    QuantizationAnnotation,
    QuantizationSpec,
    Quantizer,
    SharedQuantizationSpec,
)

from edgegan.core.errors import ModelError
from edgegan.graph.editing import argument, arguments, input_of, is_call, sole_user, weighted_layers
from edgegan.graph.moves import pads_own_values_or_zeros
from edgegan.graph.operators import LAYERS, MOVES_IN_INT8, RECTIFIERS, TRANSPOSED, aten
from edgegan.quantize.ranges import RangeObserver
from edgegan.quantize.scheme import FUSED, SATURATING, Scheme


class SchemeObserver(ObserverBase):
    """PT2E's place for a range; ``ranges`` is set once the float graph has been seen at work
    (``edgegan.quantize.calibration``)."""

    ranges: RangeObserver

    def __init__(
        self,
        dtype: torch.dtype = torch.int8,
        qscheme: torch.qscheme = torch.per_tensor_affine,
        quant_min: int = -128,
        quant_max: int = 127,
        saturation: float | None = None,
        **_ignored: Any,
    ) -> None:
        super().__init__(dtype)
        self.qscheme, self.quant_min, self.quant_max, self.saturation = qscheme, quant_min, quant_max, saturation

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return value

    def calculate_qparams(self) -> tuple[torch.Tensor, torch.Tensor]:
        low, high = self.ranges.range(self.saturation)
        if self.qscheme == torch.per_tensor_symmetric:
            return torch.tensor([max(-low, high) / 127.0]), torch.tensor([0])
        scale = (high - low) / (self.quant_max - self.quant_min)
        return torch.tensor([scale]), torch.tensor([round(self.quant_min - low / scale)]).clamp(
            self.quant_min, self.quant_max
        )


class BackendQuantizer(Quantizer):
    """Annotates convolutions and linear layers, inputs and outputs, and lets data movement before and after them share
    their scales: values are rounded where they are made, not once more where they arrive.

    Normalisation arithmetic stays in float, and the layers whose nodes ``raised_layers`` names. With
    ``float_outputs`` a layer rounds what it gives only where another layer reads it: what normalisation, addition or a
    tanh reads, or the user sees, stays in float.
    """

    def __init__(
        self, scheme: Scheme, raised_layers: frozenset[str] = frozenset(), float_outputs: bool = False
    ) -> None:
        super().__init__()
        self.scheme, self.raised_layers, self.float_outputs = scheme, raised_layers, float_outputs
        self._specs: dict[tuple[float | None, bool], QuantizationSpec] = {}

    def annotate(self, model: fx.GraphModule) -> fx.GraphModule:
        nodes = weighted_layers(model)
        lost = self.raised_layers - {node.name for node in nodes}
        if lost:
            raise ModelError(f"the layers {', '.join(sorted(lost))} are not in the graph that is quantized")
        layers = [node for node in nodes if is_layer(node, self.scheme) and node.name not in self.raised_layers]
        for node in layers:
            self._annotate_layer(node)
        for node in layers:
            self._annotate_way_to(node)
        for node in model.graph.nodes:
            if self._moves(node) and "quantization_annotation" not in node.meta and _is_quantized(input_of(node)):
                _annotate(
                    node,
                    {input_of(node): SharedQuantizationSpec(input_of(node))},
                    SharedQuantizationSpec((input_of(node), node)),
                )
        return model

    def validate(self, model: fx.GraphModule) -> None:
        """Every annotation is of this quantizer's own making; there is nothing to refuse."""

    def _annotate_layer(self, node: fx.Node) -> None:
        user = sole_user(node)
        end = user if user is not None and is_call(user, *FUSED) else node
        inputs = {
            input_of(node): self._read_by(node),
            argument(node, 1): _weight_spec(1 if is_call(node, *TRANSPOSED) else 0),
        }
        if self.float_outputs and not all(is_layer(reader, self.scheme) or self._moves(reader) for reader in end.users):
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

    def _annotate_way_to(self, node: fx.Node) -> None:
        """Round what a layer reads before it is moved there, where nothing else reads it on its way."""
        first, step = None, input_of(node)
        while self._moves(step) and sole_user(step) is not None and "quantization_annotation" not in step.meta:
            first, step = step, input_of(step)
        if first is not None and not _is_quantized(step):
            _annotate(first, {step: self._read_by(node)}, SharedQuantizationSpec((step, first)))
        elif first is None and self.scheme.concatenation and self.float_outputs and is_call(step, aten.cat.default):
            self._annotate_concatenation(step)

    def _annotate_concatenation(self, node: fx.Node) -> None:
        """Round what is joined before it is, all on one grid, where int8 layers alone read it: each part then leaves
        its layer in int8. Once more behind it OpenVINO would round every part for every reader."""
        parts, readers = list(dict.fromkeys(argument(node, 0))), list(node.users)
        if not all(is_call(reader, *LAYERS) and "quantization_annotation" in reader.meta for reader in readers):
            return
        shared = SharedQuantizationSpec((parts[0], node))
        _annotate(node, {part: self._activation() if part is parts[0] else shared for part in parts}, None)
        for reader in readers:
            reader.meta["quantization_annotation"].input_qspec_map.pop(node, None)

    def _moves(self, node: fx.Node) -> bool:
        return is_call(node, *MOVES_IN_INT8) or (self.scheme.padding and pads_own_values_or_zeros(node))

    def _read_by(self, node: fx.Node) -> QuantizationSpec:
        """A transposed convolution has no int8 kernel for values with a zero point (OpenVINO): if they may be negative
        they are signed there."""
        return self._activation(
            symmetric=is_call(node, *TRANSPOSED) and not is_call(maker(input_of(node)), *RECTIFIERS)
        )

    def _activation(self, saturation: float | None = None, symmetric: bool = False) -> QuantizationSpec:
        """One object for each kind: PT2E takes equal ones to mean one rounding where a layer reads what another
        gives."""
        key = saturation, symmetric or self.scheme.symmetric
        return self._specs.setdefault(key, _activation_spec(*key))


def _activation_spec(saturation: float | None, symmetric: bool) -> QuantizationSpec:
    constructor = SchemeObserver.with_args(saturation=saturation)
    if symmetric:
        return QuantizationSpec(
            dtype=torch.int8,
            quant_min=-127,
            quant_max=127,
            qscheme=torch.per_tensor_symmetric,
            observer_or_fake_quant_ctr=constructor,
        )
    return QuantizationSpec(
        dtype=torch.uint8,
        quant_min=0,
        quant_max=255,
        qscheme=torch.per_tensor_affine,
        observer_or_fake_quant_ctr=constructor,
    )


def maker(node: fx.Node) -> fx.Node:
    """What made the values that ``node`` hands on."""
    return maker(input_of(node)) if is_call(node, *MOVES_IN_INT8) or pads_own_values_or_zeros(node) else node


def is_layer(node: fx.Node, scheme: Scheme) -> bool:
    """A layer that the backend has an int8 kernel for; transposed convolutions over one axis have none anywhere
    (OpenVINO runs them ten times slower than in float)."""
    return is_call(node, *LAYERS) or (
        scheme.transposed and is_call(node, aten.conv_transpose2d.input) and arguments(node)["groups"] == 1
    )


def _weight_spec(axis: int) -> QuantizationSpec:
    return QuantizationSpec(
        dtype=torch.int8,
        quant_min=-127,
        quant_max=127,
        qscheme=torch.per_channel_symmetric,
        ch_axis=axis,
        observer_or_fake_quant_ctr=PerChannelMinMaxObserver,
    )


def _annotate(node: fx.Node, inputs: dict[fx.Node, Any], output: Any) -> None:
    node.meta["quantization_annotation"] = QuantizationAnnotation(
        input_qspec_map=inputs, output_qspec=output, _annotated=True
    )


def _is_quantized(node: Any) -> bool:
    annotation = node.meta.get("quantization_annotation") if isinstance(node, fx.Node) else None
    return annotation is not None and annotation.output_qspec is not None
