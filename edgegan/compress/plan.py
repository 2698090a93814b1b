"""One candidate: which backend, which form of the network, which precision, and what stays in float beside it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from edgegan.quantize.layers import Layer
from edgegan.quantize.scheme import Kept

SUFFIX = {Kept.NOTHING: "", Kept.STATISTICS: "-norms", Kept.ARITHMETIC: "-layers", Kept.OUTPUTS: "-outputs"}
"""How a candidate's name tells what it leaves in float."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """``raised``: layers of an int8 candidate that are not in int8. ``rest``: what they and all that ``kept`` leaves in
    float compute in; int16 gives raised layers activations of 16 bits. ``weight_bits``: 4 packs the weights of its int8
    layers in half the space.
    """

    backend: str
    formulation: str
    precision: str
    kept: Kept = Kept.NOTHING
    raised: frozenset[Layer] = frozenset()
    rest: str = "fp32"
    weight_bits: int = 8

    @property
    def name(self) -> str:
        mixed = f"-mixed{len(self.raised)}-{self._places}" if self.raised else ""
        rest = "" if self.rest == "fp32" else f"-{self.rest}"
        bits = "-w4" if self.weight_bits == 4 else ""
        return f"{self.backend}-{self.formulation}-{self.precision}{SUFFIX[self.kept]}{mixed}{rest}{bits}"

    @property
    def _places(self) -> str:
        """Four digits that tell sets of layers apart."""
        places = sorted(layer.index for layer in self.raised)
        return hashlib.sha256(str(places).encode()).hexdigest()[:4]

    @property
    def exceptions(self) -> dict[str, str]:
        """What of an int8 candidate is in which other precision, as its manifest has it."""
        floats = "fp32" if self.rest == "int16" else self.rest
        kept = {} if self.kept is Kept.NOTHING else {self.kept.value: floats}
        return kept | {layer.node: self.rest for layer in sorted(self.raised, key=lambda layer: layer.index)}


def graph_name(backend: str, formulation: str, precision: str) -> str:
    """The key of a candidate's graph: ``auto`` is composed for each backend, and for int8 of forms that have int8
    kernels."""
    if formulation != "auto":
        return formulation
    return f"auto-{backend}" + ("-int8" if precision == "int8" else "")
