"""Discrete Fourier transforms over fixed sizes as products with constant matrices, and short-time ones as convolutions:
what every backend runs, and rounds, where few know transforms and none of them complex numbers.

Real and imaginary parts are tensors of their own. Definitions are PyTorch's, ``torch.fft`` and ``torch.stft``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import conv1d, conv_transpose1d, pad


class Complex(NamedTuple):
    """Real and imaginary parts, float of one shape."""

    real: torch.Tensor
    imag: torch.Tensor

    @classmethod
    def of(cls, value: Complex | torch.Tensor | complex) -> Complex:
        """A complex tensor as it is, a number, or what is real with an imaginary part of zero."""
        if isinstance(value, Complex):
            return value
        if isinstance(value, torch.Tensor):
            return cls(value, torch.zeros_like(value))
        number = complex(value)
        return cls(torch.tensor(number.real), torch.tensor(number.imag))


def rfftn(x: torch.Tensor, sizes: Sequence[int], axes: Sequence[int], norm: str | None) -> Complex:
    """``torch.fft.rfftn`` of a real tensor: as many frequencies along each axis, of the last but half."""
    done = _rfft(x, sizes[-1], axes[-1], norm)
    return fftn(done, sizes[:-1], axes[:-1], norm)


def fftn(x: Complex, sizes: Sequence[int], axes: Sequence[int], norm: str | None) -> Complex:
    """``torch.fft.fftn``."""
    return _along_each(x, sizes, axes, norm, is_inverse=False)


def ifftn(x: Complex, sizes: Sequence[int], axes: Sequence[int], norm: str | None) -> Complex:
    """``torch.fft.ifftn``."""
    return _along_each(x, sizes, axes, norm, is_inverse=True)


def irfftn(x: Complex, sizes: Sequence[int], axes: Sequence[int], norm: str | None) -> torch.Tensor:
    """``torch.fft.irfftn``: the real tensor of ``sizes`` with these frequencies, of the last axis but half of them."""
    return _irfft(ifftn(x, sizes[:-1], axes[:-1], norm), sizes[-1], axes[-1], norm)


def _along_each(x: Complex, sizes: Sequence[int], axes: Sequence[int], norm: str | None, is_inverse: bool) -> Complex:
    for size, axis in zip(sizes, axes, strict=True):
        x = _fft(x, size, axis, norm, is_inverse)
    return x


def _rfft(x: torch.Tensor, size: int, axis: int, norm: str | None) -> Complex:
    angles = _angles(size, size // 2 + 1)
    both = np.concatenate([np.cos(angles), -np.sin(angles)], axis=1) * _scale(size, norm, is_inverse=False)
    read = _first(x.movedim(axis, -1), size)
    return _halves(read @ _like(read, both[: read.shape[-1]]), axis)


def _fft(x: Complex, size: int, axis: int, norm: str | None, is_inverse: bool) -> Complex:
    real, imag = (_first(part.movedim(axis, -1), size) for part in x)
    angles = _angles(size, size)[: real.shape[-1]]
    cos, sin = np.cos(angles), np.sin(angles) * (-1.0 if is_inverse else 1.0)
    both = np.block([[cos, -sin], [sin, cos]]) * _scale(size, norm, is_inverse)
    return _halves(torch.cat([real, imag], dim=-1) @ _like(real, both), axis)


def _irfft(x: Complex, size: int, axis: int, norm: str | None) -> torch.Tensor:
    real, imag = (_first(part.movedim(axis, -1), size // 2 + 1) for part in x)
    both = _inverse_matrix(size, real.shape[-1]) * _scale(size, norm, is_inverse=True)
    return (torch.cat([real, imag], dim=-1) @ _like(real, both)).movedim(-1, axis)


def stft(x: torch.Tensor, size: int, hop: int, window: torch.Tensor, is_normalized: bool, is_onesided: bool) -> Complex:
    """``torch.stft`` of (batch, length) without padding: (batch, frequencies, frames). ``window``: (size,)."""
    count = size // 2 + 1 if is_onesided else size
    angles = _angles(size, count).T
    scale = _scale(size, "ortho" if is_normalized else None, is_inverse=False)
    kernels = _like(x, np.concatenate([np.cos(angles), -np.sin(angles)]) * scale) * window
    frames = conv1d(x[:, None], kernels[:, None], stride=hop)
    return Complex(frames[:, :count], frames[:, count:])


def istft(
    x: Complex,
    size: int,
    hop: int,
    window: torch.Tensor,
    is_centred: bool,
    is_normalized: bool,
    is_onesided: bool,
    length: int | None,
) -> torch.Tensor:
    """``torch.istft``: (batch, length) of (batch, frequencies, frames). ``window``: (size,)."""
    frames = x.real.shape[-1]
    count = size // 2 + 1
    real, imag = x if is_onesided else (part[:, :count] for part in x)
    scale = _scale(size, "ortho" if is_normalized else None, is_inverse=True)
    kernels = _like(real, _inverse_matrix(size, count) * scale) * window
    whole = conv_transpose1d(torch.cat([real, imag], dim=1), kernels[:, None], stride=hop)
    weights = conv_transpose1d(window.new_ones(1, 1, frames), (window * window)[None, None], stride=hop)
    start = size // 2 if is_centred else 0
    end = start + length if length is not None else whole.shape[-1] - start
    drawn = (whole[..., start:end] / weights[..., start:end])[:, 0]
    return pad(drawn, (0, length - drawn.shape[-1])) if length is not None else drawn


def _angles(size: int, count: int) -> np.ndarray:
    """Of each of ``size`` values at each of ``count`` frequencies: (size, count), float64. They are taken modulo a turn
    while they are whole numbers."""
    return np.arange(size)[:, None] * np.arange(count)[None] % size * (2 * np.pi / size)


def _inverse_matrix(size: int, count: int) -> np.ndarray:
    """What each real, then each imaginary part of the first ``count`` frequencies adds to each value: (2 count, size),
    float64, without a scale. All but the first, and the last of an even size, stand for two frequencies."""
    angles = _angles(size, count).T
    times = np.full((count, 1), 2.0)
    times[0] = 1.0
    if size % 2 == 0 and count == size // 2 + 1:
        times[-1] = 1.0
    return np.concatenate([np.cos(angles) * times, -np.sin(angles) * times])


def _like(x: torch.Tensor, matrix: np.ndarray) -> torch.Tensor:
    """A constant of the trace, where tensor operators would be traced too."""
    return torch.from_numpy(np.ascontiguousarray(matrix)).to(x.dtype)


def _scale(size: int, norm: str | None, is_inverse: bool) -> float:
    if norm == "ortho":
        return float(size) ** -0.5
    return 1.0 / size if is_inverse == (norm in (None, "backward")) else 1.0


def _first(x: torch.Tensor, count: int) -> torch.Tensor:
    """At most ``count`` values of the last axis; where there are fewer, those that lack count as zeros."""
    return x[..., :count] if x.shape[-1] > count else x


def _halves(both: torch.Tensor, axis: int) -> Complex:
    """Real parts, then imaginary ones along the last axis, which goes to ``axis``."""
    count = both.shape[-1] // 2
    return Complex(both[..., :count].movedim(-1, axis), both[..., count:].movedim(-1, axis))
