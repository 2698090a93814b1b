"""What a generator takes and gives: input kinds, shapes without batch, value ranges."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from edgegan.core.errors import UsageError

LEAST_TRUNCATION = 0.01
KINDS = ("latent", "image", "label", "onehot")
_SPEC = re.compile(r"^(?P<kind>[a-z]+):(?P<dims>\d+(?:x\d+)*)(?:@(?P<range>[^@]+))?$")


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """One input of a generator.

    ``shape`` is without batch. ``kind`` is ``latent`` (float32, standard normal, redrawn beyond +-``truncation`` where
    that is given: Brock et al. 2019, arXiv:1809.11096), ``image`` (float32, values in ``range``), ``label`` (int64
    class index below ``classes``, shape ``()``) or ``onehot`` (float32, length ``classes``).
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    range: tuple[float, float] | None = None
    classes: int | None = None
    truncation: float | None = None

    @property
    def dtype(self) -> str:
        return "int64" if self.kind == "label" else "float32"

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"shape": list(self.shape), "dtype": self.dtype}


@dataclass(frozen=True, kw_only=True)
class GeneratorSpec:
    """Inputs in the order of ``forward``'s arguments, and the range that the output image spans."""

    inputs: tuple[TensorSpec, ...]
    output_range: tuple[float, float] = (-1.0, 1.0)

    @property
    def output_name(self) -> str:
        """``image``, or ``output`` where an input is called that."""
        return "output" if any(i.name == "image" for i in self.inputs) else "image"

    @property
    def is_image_to_image(self) -> bool:
        return any(i.kind == "image" for i in self.inputs)

    def to_json(self) -> dict[str, Any]:
        return {"inputs": [i.to_json() for i in self.inputs], "output_range": list(self.output_range)}


def parse_range(text: str, option: str) -> tuple[float, float]:
    """``LO,HI`` as two floats with LO < HI; UsageError otherwise."""
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{option}: {text!r} is not LO,HI, such as -1,1") from None
    if not low < high:
        raise UsageError(f"{option}: the range {text!r} is empty; LO must be below HI")
    return low, high


def parse_input(text: str, name: str) -> TensorSpec:
    """Read ``--input``: ``latent:100x1x1[@TRUNCATION]``, ``image:3x256x256[@LO,HI]``, ``label:10`` or ``onehot:10``."""
    match = _SPEC.match(text.strip())
    if not match or match["kind"] not in KINDS:
        raise UsageError(
            f"--input {text!r} is not understood: write latent:100x1x1, image:3x256x256, image:3x64x64@0,1, label:10 "
            "or onehot:10"
        )
    kind, dims = match["kind"], tuple(int(d) for d in match["dims"].split("x"))
    if 0 in dims:
        raise UsageError(f"--input {text!r}: a dimension cannot be 0")
    if match["range"] and kind not in ("image", "latent"):
        raise UsageError(f"--input {text!r}: only an image has a value range (@LO,HI), and a latent a truncation (@T)")
    if kind in ("label", "onehot"):
        if len(dims) != 1:
            raise UsageError(f"--input {text!r}: {kind} takes the number of classes alone, such as {kind}:10")
        return TensorSpec(name=name, kind=kind, shape=() if kind == "label" else dims, classes=dims[0])
    if kind == "image":
        if len(dims) != 3:
            raise UsageError(f"--input {text!r}: an image is CHANNELSxHEIGHTxWIDTH, such as image:3x256x256")
        return TensorSpec(
            name=name,
            kind=kind,
            shape=dims,
            range=parse_range(match["range"], f"--input {text!r}") if match["range"] else (-1.0, 1.0),
        )
    return TensorSpec(
        name=name, kind=kind, shape=dims, truncation=_truncation(match["range"], text) if match["range"] else None
    )


def _truncation(given: str, text: str) -> float:
    try:
        truncation = float(given)
    except ValueError:
        raise UsageError(f"--input {text!r}: a latent's truncation is one number, such as latent:100@0.7") from None
    if not truncation >= LEAST_TRUNCATION:
        raise UsageError(
            f"--input {text!r}: truncation {given} is below {LEAST_TRUNCATION}, where hardly a draw of a normal falls"
        )
    return truncation
