"""Transforms as matrix products against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegan.graph import fourier
from edgegan.graph.fourier import Complex

NORMS = st.sampled_from([None, "backward", "ortho", "forward"])
SIZES = st.integers(1, 17)
few = settings(max_examples=60, deadline=None)


def close(own: Complex | torch.Tensor, theirs: torch.Tensor) -> bool:
    value = torch.complex(*own) if isinstance(own, Complex) else own
    # Double sums of at most 17 x 17 values of about 1.
    return (value.shape, value.dtype) == (theirs.shape, theirs.dtype) and torch.allclose(
        value, theirs, rtol=1e-9, atol=1e-9
    )


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


@few
@given(SIZES, SIZES, SIZES, SIZES, NORMS)
def test_of_real_pictures(height: int, width: int, rows: int, columns: int, norm: str | None) -> None:
    x = drawn(2, height, width)
    assert close(fourier.rfftn(x, (rows, columns), (-2, -1), norm), torch.fft.rfftn(x, (rows, columns), (-2, -1), norm))


@few
@given(SIZES, SIZES, SIZES, SIZES, NORMS, st.booleans())
def test_of_complex_ones(height: int, width: int, rows: int, columns: int, norm: str | None, is_inverse: bool) -> None:
    x = Complex(drawn(height, 2, width), drawn(height, 2, width, 1)[..., 0])
    theirs = (torch.fft.ifftn if is_inverse else torch.fft.fftn)(torch.complex(*x), (rows, columns), (0, 2), norm)
    assert close((fourier.ifftn if is_inverse else fourier.fftn)(x, (rows, columns), (0, 2), norm), theirs)


@few
@given(SIZES, SIZES, SIZES, SIZES, NORMS)
def test_back_to_real_ones(height: int, width: int, rows: int, columns: int, norm: str | None) -> None:
    x = Complex(drawn(height, width), drawn(height, width, 1)[..., 0])
    assert close(
        fourier.irfftn(x, (rows, columns), (0, 1), norm),
        torch.fft.irfftn(torch.complex(*x), (rows, columns), (0, 1), norm),
    )


@few
@given(st.integers(4, 20), st.integers(1, 4), st.booleans(), st.booleans())
def test_short_time(size: int, hop: int, is_normalized: bool, is_onesided: bool) -> None:
    x, window = drawn(2, 64), torch.hann_window(size, dtype=torch.float64) + 0.1
    theirs = torch.stft(
        x, size, hop, window=window, center=False, normalized=is_normalized, onesided=is_onesided, return_complex=True
    )
    assert close(fourier.stft(x, size, hop, window, is_normalized, is_onesided), theirs)


@few
@pytest.mark.filterwarnings("ignore:The length of signal is shorter")
@given(st.integers(4, 20), st.integers(1, 2), st.booleans(), st.booleans(), st.sampled_from([None, 30, 90]))
def test_back_from_short_time(size: int, hop: int, is_normalized: bool, is_onesided: bool, length: int | None) -> None:
    window = torch.hann_window(size, dtype=torch.float64) + 0.1
    spectrum = torch.stft(
        drawn(2, 64), size, hop, window=window, normalized=is_normalized, onesided=is_onesided, return_complex=True
    )
    own = fourier.istft(
        Complex(spectrum.real, spectrum.imag), size, hop, window, True, is_normalized, is_onesided, length
    )
    theirs = torch.istft(
        spectrum, size, hop, window=window, normalized=is_normalized, onesided=is_onesided, length=length
    )
    assert close(own, theirs)


@pytest.mark.parametrize("size", [64, 255, 1024])
def test_sizes_of_pictures_in_float32(size: int) -> None:
    x = torch.randn(3, size, generator=torch.Generator().manual_seed(0))
    own, theirs = torch.complex(*fourier.rfftn(x, [size], [-1], "ortho")), torch.fft.rfft(x, norm="ortho")
    # Angles are reduced before they are scaled: errors stay those of float32 sums.
    torch.testing.assert_close(own, theirs, rtol=0, atol=1e-5)
