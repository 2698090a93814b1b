"""The transforms of ``torch.fft`` and ``torch.stft`` as operators write them, sizes and axes left out or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn.functional import pad

from edgegan.graph import fourier
from edgegan.graph.complex_rules import Rule
from edgegan.graph.fourier import Complex
from edgegan.graph.operators import aten


def _shifted(x: Any, axes: Any, sign: int) -> Any:
    def shift(part: torch.Tensor) -> torch.Tensor:
        along = range(part.ndim) if axes is None else [axes] if isinstance(axes, int) else list(axes)
        by = [sign * (part.shape[axis] // 2) for axis in along]
        return torch.roll(part, by, list(along))

    return Complex(*map(shift, x)) if isinstance(x, Complex) else shift(x)


def _shape(x: Any) -> torch.Size:
    return Complex.of(x).real.shape if isinstance(x, Complex) else x.shape


def _over_axes(transform: Callable[..., Any], is_halved: bool = False) -> Rule:
    """The operator of several axes: all of them, in their own sizes, where it is not told."""

    def rule(x: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
        shape = _shape(x)
        axes = list(range(-len(s if s is not None else shape), 0)) if dim is None else list(dim)
        sizes = [shape[axis] for axis in axes] if s is None else list(s)
        if s is None and is_halved:
            sizes[-1] = 2 * (sizes[-1] - 1)
        sizes = [shape[axis] if size == -1 else size for size, axis in zip(sizes, axes, strict=True)]
        return transform(x, sizes, axes, norm)

    return rule


def _family(name: str, rule: Rule) -> dict[Any, Rule]:
    """The operators of one axis, of the last two, and of any."""

    def of_one(x: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
        return rule(x, None if n is None else [n], [dim], norm)

    def of_two(x: Any, s: Any = None, dim: Sequence[int] = (-2, -1), norm: str | None = None) -> Any:
        return rule(x, s, dim, norm)

    one, two, more = (getattr(aten, f"fft_{name}{axes}").default for axes in ("", "2", "n"))
    return {one: of_one, two: of_two, more: rule}


def _stft(
    x: torch.Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: torch.Tensor | None = None,
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Any:
    rows = x[None] if x.ndim == 1 else x
    shape = _window(window, win_length or n_fft, n_fft, x)
    done = fourier.stft(rows, n_fft, hop_length or n_fft // 4, shape, normalized, onesided is not False)
    done = Complex(*(part[0] for part in done)) if x.ndim == 1 else done
    return done if return_complex else torch.stack(done, dim=-1)


def _istft(
    x: Complex,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: torch.Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> torch.Tensor:
    rows = Complex(*(part[None] for part in x)) if x.real.ndim == 2 else x
    shape = _window(window, win_length or n_fft, n_fft, x.real)
    is_onesided = x.real.shape[-2] != n_fft if onesided is None else onesided
    drawn = fourier.istft(rows, n_fft, hop_length or n_fft // 4, shape, center, normalized, is_onesided, length)
    return drawn[0] if x.real.ndim == 2 else drawn


def _window(given: torch.Tensor | None, length: int, size: int, like: torch.Tensor) -> torch.Tensor:
    """In the middle of ``size`` values."""
    window = like.new_ones(length) if given is None else given
    before = (size - length) // 2
    return pad(window, (before, size - length - before))


FOURIER: dict[Any, Rule] = {
    **_family("rfft", _over_axes(fourier.rfftn)),
    **_family("irfft", _over_axes(lambda x, *how: fourier.irfftn(Complex.of(x), *how), is_halved=True)),
    **_family("fft", _over_axes(lambda x, *how: fourier.fftn(Complex.of(x), *how))),
    **_family("ifft", _over_axes(lambda x, *how: fourier.ifftn(Complex.of(x), *how))),
    aten.fft_fftshift.default: lambda x, dim=None: _shifted(x, dim, 1),
    aten.fft_ifftshift.default: lambda x, dim=None: _shifted(x, dim, -1),
    aten.stft.default: _stft,
    aten.istft.default: _istft,
}
"""By the operator."""
