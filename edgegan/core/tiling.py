"""How a picture of any size may be cut into what a generator of fixed size takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgegan.core import schemas


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """Tiles may begin at multiples of ``stride`` input pixels, and ``margin`` input pixels along their inner borders
    are not to be used. ``scale``: output pixels for an input pixel. ``receptive_field``: input pixels, from side to
    side, over which a change of one spreads; None where that reaches a border."""

    stride: int
    scale: Fraction
    margin: int
    receptive_field: int | None = None

    def to_json(self) -> schemas.Tiling:
        return {
            "stride": self.stride,
            "scale": [self.scale.numerator, self.scale.denominator],
            "margin": self.margin,
            "receptive_field": self.receptive_field,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Tiling:
        return cls(
            stride=int(content["stride"]),
            scale=Fraction(*content["scale"]),
            margin=int(content["margin"]),
            receptive_field=content.get("receptive_field"),
        )
