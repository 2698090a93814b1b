"""ai-edge-quantizer rounds weights above 32 MiB piece by piece, and fails on those of a convolution, which have four
dimensions (0.9: their scales are broadcast to two). Here they are handed to it in pieces that are small enough."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from ai_edge_quantizer.algorithms.uniform_quantize import uniform_quantize_tensor

MOST_BYTES = 32 << 20


@contextlib.contextmanager
def large_weights() -> Iterator[None]:
    """Within it the quantizer takes weights of any size."""
    original = uniform_quantize_tensor.uniform_quantize
    uniform_quantize_tensor.uniform_quantize = in_pieces(original)
    try:
        yield
    finally:
        uniform_quantize_tensor.uniform_quantize = original


def in_pieces(quantize: Callable[..., np.ndarray], most_bytes: int = MOST_BYTES) -> Callable[..., np.ndarray]:
    """``quantize(values, parameters, is_blockwise)`` along the first axis, for values of more than two dimensions and
    ``most_bytes``."""

    def quantized(values: np.ndarray, parameters: Any, is_blockwise: bool = False) -> np.ndarray:
        if values.ndim <= 2 or values.nbytes <= most_bytes or is_blockwise:
            return quantize(values, parameters, is_blockwise)
        rows = max(1, most_bytes * len(values) // values.nbytes)
        pieces = [
            quantize(values[start : start + rows], _of_rows(parameters, len(values), start, rows), False)
            for start in range(0, len(values), rows)
        ]
        return np.concatenate(pieces)

    return quantized


def _of_rows(parameters: Any, length: int, start: int, rows: int) -> Any:
    """The scales and zero points of some rows, where every row has its own."""
    if np.size(parameters.scale) != length or parameters.quantized_dimension not in (0, None):
        return parameters
    part = slice(start, start + rows)
    return replace(parameters, scale=parameters.scale[part], zero_point=parameters.zero_point[part])
