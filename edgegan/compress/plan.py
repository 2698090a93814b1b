"""One candidate: which backend, which form of the network, which precision, and what stays in float beside it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from edgegan.quantize.layers import Layer
from edgegan.quantize.scheme import FloatParts

SUFFIX = {
    FloatParts.NOTHING: "",
    FloatParts.STATISTICS: "-norms",
    FloatParts.SUMS: "-sums",
    FloatParts.ARITHMETIC: "-layers",
    FloatParts.OUTPUTS: "-outputs",
}
"""How a candidate's name tells what it leaves in float."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """``raised_layers``: layers of an int8 candidate that are not in int8. ``rest_precision``: what they and all that
    ``float_parts`` leaves in float compute in; int16 gives raised layers activations of 16 bits.
    ``weight_bits``: 4 packs the weights of its int8 layers in half the space. ``equalized``: made of the network with
    its channels scaled for int8 (``edgegan.quantize.equalize``).
    """

    backend: str
    formulation: str
    precision: str
    float_parts: FloatParts = FloatParts.NOTHING
    raised_layers: frozenset[Layer] = frozenset()
    rest_precision: str = "fp32"
    weight_bits: int = 8
    equalized: bool = False

    @property
    def name(self) -> str:
        mixed = f"-mixed{len(self.raised_layers)}-{self._places}" if self.raised_layers else ""
        rest_precision = "" if self.rest_precision == "fp32" else f"-{self.rest_precision}"
        bits = "-w4" if self.weight_bits == 4 else ""
        precision = f"{self.precision}-equalized" if self.equalized else self.precision
        return f"{self.backend}-{self.formulation}-{precision}{SUFFIX[self.float_parts]}{mixed}{rest_precision}{bits}"

    @property
    def _places(self) -> str:
        """Four digits that tell sets of layers apart."""
        places = sorted(layer.index for layer in self.raised_layers)
        return hashlib.sha256(str(places).encode()).hexdigest()[:4]

    @property
    def exceptions(self) -> dict[str, str]:
        """What of an int8 candidate is in which other precision, as its manifest has it."""
        floats = "fp32" if self.rest_precision == "int16" else self.rest_precision
        float_parts = {} if self.float_parts is FloatParts.NOTHING else {self.float_parts.value: floats}
        return float_parts | {
            layer.node: self.rest_precision for layer in sorted(self.raised_layers, key=lambda layer: layer.index)
        }


def graph_name(backend: str, formulation: str, precision: str) -> str:
    """The key of a candidate's graph: ``auto`` is composed for each backend, and for int8 of forms that have int8
    kernels."""
    if formulation != "auto":
        return formulation
    return f"auto-{backend}" + ("-int8" if precision == "int8" else "")
