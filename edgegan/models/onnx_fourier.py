"""ONNX's transforms in PyTorch's; complex values have their parts in the last axis."""

from __future__ import annotations

import torch

from edgegan.models.onnx_context import Context

Tensor = torch.Tensor


def dft(c: Context, x: Tensor, *_: Tensor) -> Tensor:
    """The axis is an attribute up to opset 19, an input from 20 on."""
    axis = (c.ints(2) or [-2])[0] if c.opset >= 20 else c.get("axis", 1)
    given, axis = c.ints(1), axis % x.ndim
    size = given[0] if given else None
    is_real, is_onesided = x.shape[-1] == 1, bool(c.get("onesided", 0))
    value = x[..., 0] if is_real else torch.view_as_complex(x.contiguous())
    if c.get("inverse", 0):
        if is_onesided:
            return torch.fft.irfft(value, size, axis)[..., None]
        return torch.view_as_real(torch.fft.ifft(value, size, axis))
    if is_real and is_onesided:
        return torch.view_as_real(torch.fft.rfft(value, size, axis))
    whole = torch.view_as_real(torch.fft.fft(value, size, axis))
    return whole.narrow(axis, 0, whole.shape[axis] // 2 + 1) if is_onesided else whole


def stft(c: Context, signal: Tensor, *others: Tensor | None) -> Tensor:
    """(batch, length, 1) to (batch, frames, frequencies, 2)."""
    window = others[1] if len(others) > 1 else None
    size = window.shape[0] if window is not None else c.required(3, "frame_length")[0]
    shape = signal.new_ones(size) if window is None else window
    spectrum = torch.stft(
        signal[..., 0] if signal.ndim == 3 else signal,
        size,
        c.required(1, "frame_step")[0],
        window=shape,
        center=False,
        onesided=bool(c.get("onesided", 1)),
        return_complex=True,
    )
    return torch.view_as_real(spectrum.transpose(1, 2))
