"""ONNX convolutions and pooling in PyTorch, with padding of every kind that the operator specification has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from edgegan.models.onnx_context import Context

Tensor = torch.Tensor


def _split(total: int, mode: str) -> tuple[int, int]:
    """Padding before and after: the odd place behind for SAME_UPPER, in front for SAME_LOWER."""
    total = max(0, total)
    return (total // 2, total - total // 2) if mode == "SAME_UPPER" else (total - total // 2, total // 2)


def _pads(c: Context, sizes: Sequence[int], kernel: Sequence[int]) -> list[tuple[int, int]]:
    """Padding before and after each axis of places."""
    rank, mode = len(sizes), c.get("auto_pad", "NOTSET")
    if mode == "VALID":
        return [(0, 0)] * rank
    if mode == "NOTSET":
        pads = c.get("pads", [0] * (2 * rank))
        return list(zip(pads[:rank], pads[rank:], strict=True))
    strides, dilations = c.get("strides", [1] * rank), c.get("dilations", [1] * rank)
    return [
        _split((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, mode)
        for n, k, s, d in zip(sizes, kernel, strides, dilations, strict=True)
    ]


def _padded(x: Tensor, pads: Sequence[tuple[int, int]], value: float = 0.0) -> tuple[Tensor, list[int]]:
    """Padding that is the same on both sides as a list, other padding applied to ``x``."""
    if all(before == after for before, after in pads):
        return x, [before for before, _ in pads]
    return F.pad(x, [v for pair in reversed(pads) for v in pair], value=value), [0] * len(pads)


def conv(c: Context, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    rank = w.ndim - 2
    x, padding = _padded(x, _pads(c, x.shape[2:], w.shape[2:]))
    function: Any = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[rank]
    ones = [1] * rank
    result: Tensor = function(x, w, b, c.get("strides", ones), padding, c.get("dilations", ones), c.get("group", 1))
    return result


def conv_transpose(c: Context, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    """PyTorch's own where padding is the same on both sides, else the whole result, cropped."""
    rank = w.ndim - 2
    ones, zeros = [1] * rank, [0] * rank
    strides, dilations, extra = c.get("strides", ones), c.get("dilations", ones), c.get("output_padding", zeros)
    function: Any = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[rank]
    whole = [
        (n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(x.shape[2:], strides, w.shape[2:], dilations, strict=True)
    ]
    pads = _transposed_pads(c, x.shape[2:], strides, [n + e for n, e in zip(whole, extra, strict=True)])
    if all(before == after >= 0 for before, after in pads):
        padding = [before for before, _ in pads]
        result: Tensor = function(x, w, b, strides, padding, extra, c.get("group", 1), dilations)
        return result
    result = function(x, w, None, strides, zeros, zeros, c.get("group", 1), dilations)
    crops = [(-before, e - after) for (before, after), e in zip(pads, extra, strict=True)]
    result = F.pad(result, [v for pair in reversed(crops) for v in pair])
    return result if b is None else result + b.reshape(-1, *ones)


def _transposed_pads(
    c: Context, sizes: Sequence[int], strides: Sequence[int], whole: Sequence[int]
) -> list[tuple[int, int]]:
    """What is cropped before and after each axis of the ``whole`` result, output_padding in it."""
    rank, mode, wanted = len(sizes), c.get("auto_pad", "NOTSET"), c.get("output_shape")
    if wanted is None and mode in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [n * s for n, s in zip(sizes, strides, strict=True)]
    if wanted is None:
        pads = [0] * (2 * rank) if mode == "VALID" else c.get("pads", [0] * (2 * rank))
        return list(zip(pads[:rank], pads[rank:], strict=True))
    totals = [have - want for have, want in zip(whole, wanted[-rank:], strict=True)]
    upper = mode == "SAME_UPPER"
    return [(t // 2, t - t // 2) if upper else (t - t // 2, t // 2) for t in totals]


def pool(average: bool) -> Callable[..., Tensor]:
    def run(c: Context, x: Tensor) -> Tensor:
        kernel, rank = c.get("kernel_shape"), x.ndim - 2
        strides, dilations = c.get("strides", [1] * rank), c.get("dilations", [1] * rank)
        pads, ceil = _pads(c, x.shape[2:], kernel), bool(c.get("ceil_mode", 0))
        if not average:
            x, padding = _padded(x, pads, -torch.inf)
            call: Any = {1: F.max_pool1d, 2: F.max_pool2d}[rank]
            result: Tensor = call(x, kernel, strides, padding, dilations, ceil)
            return result
        counted, call = bool(c.get("count_include_pad", 0)), {1: F.avg_pool1d, 2: F.avg_pool2d}[rank]
        even, padding = _padded(x, pads)
        if even is x or counted:
            result = call(even, kernel, strides, padding, ceil, counted)
            return result
        ones = _padded(torch.ones_like(x), pads)[0]
        shares: Tensor = call(ones, kernel, strides, padding, ceil)
        result = call(even, kernel, strides, padding, ceil) / shares
        return result

    return run
