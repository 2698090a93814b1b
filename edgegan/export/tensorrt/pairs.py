"""Pairs of quantize and dequantize in a network that NVIDIA's parser has read: which there are, and the network without
some of them. Weights keep theirs: the builder folds them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from edgegan.core.errors import TargetError
from edgegan.export.tensorrt.network import ParsedNetwork


def pairs(parsed: ParsedNetwork) -> tuple[str, ...]:
    """The layers that quantize an activation only to give it back, dequantized, in the type that it had: their names,
    in the network's order."""
    return tuple(_Wiring(parsed).pairs)


def leave_out(parsed: ParsedNetwork, names: Collection[str]) -> None:
    """What read the pairs of ``names`` reads what these rounded. Raises TargetError for a name that is no pair."""
    wiring = _Wiring(parsed)
    for name in names:
        quantize = wiring.pairs.get(name)
        if quantize is None:
            raise TargetError(f"{name} is no layer that quantizes an activation")
        for dequantize, _ in wiring.readers[quantize.get_output(0).name]:
            for reader, index in wiring.readers[dequantize.get_output(0).name]:
                reader.set_input(index, quantize.get_input(0))


class _Wiring:
    """Who makes and who reads each tensor, by its name."""

    def __init__(self, parsed: ParsedNetwork) -> None:
        network = parsed.network
        self.kinds = parsed.trt.LayerType
        self.makers: dict[str, Any] = {}
        self.readers: dict[str, list[tuple[Any, int]]] = defaultdict(list)
        layers = [network.get_layer(index) for index in range(network.num_layers)]
        for layer in layers:
            for index in range(layer.num_outputs):
                self.makers[layer.get_output(index).name] = layer
            for index in range(layer.num_inputs):
                if (given := layer.get_input(index)) is not None:
                    self.readers[given.name].append((layer, index))
        self.pairs = {str(layer.name): layer for layer in layers if self._begins_pair(layer)}

    def _begins_pair(self, layer: Any) -> bool:
        if layer.type != self.kinds.QUANTIZE:
            return False
        given, readers = layer.get_input(0), [reader for reader, _ in self.readers[layer.get_output(0).name]]
        maker = self.makers.get(given.name)
        if maker is not None and maker.type == self.kinds.CONSTANT:
            return False
        if any(reader.type != self.kinds.DEQUANTIZE for reader in readers):
            return False
        back = [reader.get_output(0) for reader in readers]
        is_read = any(self.readers[tensor.name] for tensor in back)
        return is_read and all(tensor.dtype == given.dtype and not tensor.is_network_output for tensor in back)
