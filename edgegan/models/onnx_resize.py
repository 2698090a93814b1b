"""ONNX Resize in all its modes, as the operator specification defines them: a matrix for each axis that is resized.

Where PyTorch has the same resampling it is used, since rewrites know it; else each axis is a product with a constant
matrix, or a choice of places.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from edgegan.core.errors import ModelError
from edgegan.models.onnx_context import Context

Tensor = torch.Tensor
TORCH_CUBIC = -0.75
CROP = "tf_crop_and_resize"


def resize(c: Context, x: Tensor, *_: Tensor | None) -> Tensor:
    """Opsets 10 to 23; sizes or scales must be known."""
    sizes, scales = _targets(c, x)
    mode, transform = c.get("mode", "nearest"), _transform(c)
    if (same := _as_torch(c, x, sizes, scales, mode, transform)) is not None:
        return same
    for axis, (size, scale) in enumerate(zip(sizes, scales, strict=True)):
        region = _region(c, axis, x.ndim) if transform == CROP else None
        if size == x.shape[axis] and scale == 1.0 and region in (None, (0.0, 1.0)):
            continue
        length = x.shape[axis]
        places = _coordinates(length, size, scale, transform) if region is None else _cropped(length, size, region)
        if mode == "nearest":
            index = _nearest(places, _rounding(c))
            x = x.index_select(axis, torch.from_numpy(np.clip(index, 0, length - 1)))
        else:
            matrix = _matrix(c, places, length, mode, min(scale, 1.0) if c.get("antialias", 0) else 1.0)
            x = (x.movedim(axis, -1) @ torch.from_numpy(matrix).T).movedim(-1, axis)
        if region is not None:
            x = _filled(x, axis, (places < 0) | (places > length - 1), c.get("extrapolation_value", 0.0))
    return x


def _region(c: Context, axis: int, rank: int) -> tuple[float, float]:
    """Where the axis is cut, begin and end as shares of it."""
    roi = c.constants[1] if len(c.constants) > 1 else None
    if roi is None:
        raise ModelError("an ONNX Resize cuts where its input says; export the model with a fixed roi")
    axes = [a % rank for a in c.get("axes", range(rank))]
    if axis not in axes:
        return 0.0, 1.0
    return float(roi[axes.index(axis)]), float(roi[axes.index(axis) + len(axes)])


def _filled(x: Tensor, axis: int, outside: np.ndarray, value: float) -> Tensor:
    """``x`` with ``value`` at the places of ``axis`` that look outside the input."""
    if not outside.any():
        return x
    mask = torch.from_numpy(outside).view([-1 if a == axis else 1 for a in range(x.ndim)])
    return torch.where(mask, torch.tensor(value, dtype=x.dtype), x)


def _targets(c: Context, x: Tensor) -> tuple[list[int], list[float]]:
    """The size and the scale of every axis."""
    given = c.constants[1:2] if c.opset < 11 else c.constants[2:]
    known = [v for v in given if v is not None and v.size]
    sizes = next((v for v in known if v.dtype == np.int64), None)
    scales = next((v for v in known if v.dtype != np.int64), c.attributes.get("scales"))
    if sizes is None and scales is None:
        raise ModelError("an ONNX Resize has no fixed scales or sizes; export the model with fixed shapes")
    axes = [a % x.ndim for a in c.get("axes", range(x.ndim))]
    whole, factors = list(x.shape), [1.0] * x.ndim
    for place, axis in enumerate(axes):
        if sizes is not None:
            whole[axis] = int(sizes[place])
            factors[axis] = whole[axis] / x.shape[axis]
        else:
            assert scales is not None
            factors[axis] = float(scales[place])
            whole[axis] = int(np.floor(x.shape[axis] * factors[axis]))
    policy = c.get("keep_aspect_ratio_policy", "stretch")
    if sizes is not None and policy != "stretch":
        pick = min if policy == "not_larger" else max
        factor = pick(int(s) / x.shape[a] for s, a in zip(sizes, axes, strict=True))
        for axis in axes:
            factors[axis], whole[axis] = factor, int(np.floor(x.shape[axis] * factor + 0.5))
    return whole, factors


def _transform(c: Context) -> str:
    default = "asymmetric" if c.opset < 11 else "half_pixel"
    transform: str = c.get("coordinate_transformation_mode", default)
    return transform


def _rounding(c: Context) -> str:
    rounding: str = c.get("nearest_mode", "floor" if c.opset < 11 else "round_prefer_floor")
    return rounding


def _as_torch(c: Context, x: Tensor, sizes: list[int], scales: list[float], mode: str, transform: str) -> Tensor | None:
    """The same by PyTorch's interpolation, of whole maps; None where that resamples otherwise."""
    if x.ndim != 4 or sizes[:2] != list(x.shape[:2]) or c.get("antialias", 0) or transform == CROP:
        return None
    target = sizes[2:]
    whole = all(s % n == 0 and s / n == f for s, n, f in zip(target, x.shape[2:], scales[2:], strict=True))
    if mode == "nearest":
        rounding = _rounding(c)
        centred = transform in ("half_pixel", "pytorch_half_pixel") and rounding.startswith("round")
        floors = transform == "asymmetric" and rounding == "floor"
        return F.interpolate(x, size=target, mode="nearest") if whole and (centred or floors) else None
    exact = all(s / n == f for s, n, f in zip(target, x.shape[2:], scales[2:], strict=True))
    halves = transform in ("half_pixel", "pytorch_half_pixel") and min(target) > 1 and exact
    if not (halves or transform == "align_corners") or min(x.shape[2:]) < 2 or c.get("exclude_outside", 0):
        return None
    if mode == "cubic" and abs(c.get("cubic_coeff_a", TORCH_CUBIC) - TORCH_CUBIC) > 1e-6:
        return None
    kind = {"linear": "bilinear", "cubic": "bicubic"}[mode]
    return F.interpolate(x, size=target, mode=kind, align_corners=transform == "align_corners")


def _coordinates(length: int, size: int, scale: float, transform: str) -> np.ndarray:
    """Where in the input each place of the output looks; in float32, as runtimes have it, for ties fall by that."""
    places = np.arange(size, dtype=np.float32)
    scale, length = np.float32(scale), np.float32(length)  # type: ignore[assignment]
    if transform == "align_corners":
        return places * (length - 1) / (size - 1) if size > 1 else np.zeros(size)
    if transform == "asymmetric":
        return places / scale
    if transform == "pytorch_half_pixel" and size == 1:
        return np.zeros(size)
    if transform == "half_pixel_symmetric":
        adjustment = size / (scale * length)
        return length / 2 * (1 - adjustment) + ((places + 0.5) / scale - 0.5)
    return (places + 0.5) / scale - 0.5


def _cropped(length: int, size: int, region: tuple[float, float]) -> np.ndarray:
    """The same where ``region`` is cut out."""
    begin, end = (np.float32(share * (length - 1)) for share in region)
    if size == 1:
        return np.array([(begin + end) / 2])
    return begin + np.arange(size, dtype=np.float32) * (end - begin) / np.float32(size - 1)


def _nearest(places: np.ndarray, mode: str) -> np.ndarray:
    rounded = {
        "round_prefer_floor": np.ceil(places - 0.5),
        "round_prefer_ceil": np.floor(places + 0.5),
        "floor": np.floor(places),
        "ceil": np.ceil(places),
    }[mode]
    return rounded.astype(np.int64)


def _matrix(c: Context, places: np.ndarray, length: int, mode: str, narrowing: float) -> np.ndarray:
    """Weights (size, length), float32, of every place of the input in every one of the output; the kernel is as many
    times wider as ``narrowing`` is below 1."""
    below = np.floor(places)
    share = places - below
    reach = int(np.ceil((1 if mode == "linear" else 2) / narrowing))
    matrix = np.zeros((len(places), length))
    rows = np.arange(len(places))
    for offset in range(1 - reach, reach + 1):
        distance = np.abs(share - offset) * narrowing
        weights = np.maximum(1 - distance, 0) if mode == "linear" else _cubic(distance, c)
        columns = (below + offset).astype(np.int64)
        inside = (columns >= 0) & (columns < length)
        kept = weights * inside if c.get("exclude_outside", 0) else weights
        np.add.at(matrix, (rows, np.clip(columns, 0, length - 1)), kept)
    if c.get("exclude_outside", 0) or narrowing < 1:
        matrix /= matrix.sum(1, keepdims=True)
    return matrix.astype(np.float32)


def _cubic(distance: np.ndarray, c: Context) -> np.ndarray:
    """Keys' kernel (1981)."""
    a = c.get("cubic_coeff_a", TORCH_CUBIC)
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
