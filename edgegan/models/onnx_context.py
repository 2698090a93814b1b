"""What an ONNX operator is told beside the tensors that it computes with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgegan.core.errors import ModelError


@dataclass(frozen=True)
class Context:
    """A node's attributes, the inputs that are known beforehand (else None), its number of outputs, the opset."""

    attributes: dict[str, Any]
    constants: list[np.ndarray | None]
    outputs: int
    opset: int

    def get(self, name: str, default: Any = None) -> Any:
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def ints(self, index: int, name: str | None = None) -> list[int] | None:
        """Whole numbers given as input ``index`` (newer opsets) or attribute ``name`` (older); None where absent."""
        known = self.constants[index] if index < len(self.constants) else None
        if known is not None:
            return [int(v) for v in np.atleast_1d(known)]
        value = self.attributes.get(name) if name else None
        return None if value is None else [int(v) for v in (value if isinstance(value, list | tuple) else [value])]

    def required(self, index: int, name: str | None = None) -> list[int]:
        ints = self.ints(index, name)
        if ints is None:
            raise ModelError(
                f"an ONNX operator's {name or 'sizes'} depend on the input's values; export the model with fixed shapes"
            )
        return ints
