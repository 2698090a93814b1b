"""Generators that the zoo does not carry but users bring: StyleGAN2's modulated convolutions, HiFi-GAN's audio in one
dimension."""

from __future__ import annotations

import itertools
from math import sqrt

import torch
from torch import nn
from torch.nn.functional import conv2d, conv_transpose2d, interpolate, leaky_relu

from edgegan.models.progan import EqualizedLinear, pixel_norm


class ModulatedConv(nn.Module):
    """A convolution whose weights are scaled per sample by a style, then to unit norm (Karras et al. 2020,
    arXiv:1912.04958)."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, style: int, demodulate: bool = True, up: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, kernel, kernel))
        self.style = nn.Linear(style, inputs)
        nn.init.ones_(self.style.bias)
        self.scale, self.demodulate, self.up, self.kernel = 1 / sqrt(inputs * kernel * kernel), demodulate, up, kernel

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        batch, channels, height, width = x.shape
        style = self.style(w).view(batch, 1, channels, 1, 1)
        weight = self.scale * self.weight * style
        if self.demodulate:
            weight = weight * torch.rsqrt(weight.pow(2).sum([2, 3, 4]) + 1e-8).view(batch, -1, 1, 1, 1)
        outputs = weight.shape[1]
        x = x.reshape(1, batch * channels, height, width)
        if self.up:
            weight = weight.transpose(1, 2).reshape(batch * channels, outputs, self.kernel, self.kernel)
            y = conv_transpose2d(x, weight, padding=0, stride=2, groups=batch)
        else:
            y = conv2d(
                x,
                weight.view(batch * outputs, channels, self.kernel, self.kernel),
                padding=self.kernel // 2,
                groups=batch,
            )
        return y.view(batch, outputs, *y.shape[2:])


class Blur(nn.Module):
    """The binomial low-pass of StyleGAN2 over each channel, ``padding`` on both sides."""

    kernel: torch.Tensor

    def __init__(self, channels: int, padding: tuple[int, int], gain: float = 1.0) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.register_buffer(
            "kernel", (taps[:, None] * taps[None] / taps.sum() ** 2 * gain).expand(channels, 1, 4, 4).contiguous()
        )
        self.padding = padding

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        before, after = self.padding
        return conv2d(nn.functional.pad(x, (before, after, before, after)), self.kernel, groups=x.shape[1])


class StyleLayer(nn.Module):
    """Modulated convolution, fixed noise, bias, LeakyReLU with gain sqrt(2)."""

    def __init__(self, inputs: int, outputs: int, style: int, size: int, up: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, 3, style, up=up)
        self.blur = Blur(outputs, (1, 1), gain=4.0) if up else nn.Identity()
        self.register_buffer("noise", torch.randn(1, 1, size, size))
        self.strength, self.bias = nn.Parameter(torch.full((), 0.1)), nn.Parameter(torch.zeros(1, outputs, 1, 1))

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        x = self.blur(self.conv(x, w)) + self.strength * self.noise
        return leaky_relu(x + self.bias, 0.2) * sqrt(2)


class StyleGAN2(nn.Module):
    """Latent (N, latent) -> image (N, 3, size, size), about -1..1: mapping network, modulated layers, skip images."""

    def __init__(self, *, latent: int = 128, features: int = 32, size: int = 32, depth: int = 4) -> None:
        super().__init__()
        self.mapping = nn.Sequential(
            *(part for _ in range(depth) for part in (EqualizedLinear(latent, latent), nn.LeakyReLU(0.2)))
        )
        blocks = size.bit_length() - 3
        widths = [features * min(2 ** (blocks - i), 8) for i in range(blocks + 1)]
        self.constant = nn.Parameter(torch.randn(1, widths[0], 4, 4))
        self.first = StyleLayer(widths[0], widths[0], latent, 4)
        self.first_image = ModulatedConv(widths[0], 3, 1, latent, demodulate=False)
        self.blocks = nn.ModuleList()
        for index, (a, b) in enumerate(itertools.pairwise(widths)):
            side = 8 * 2**index
            self.blocks.append(
                nn.ModuleList(
                    [
                        StyleLayer(a, b, latent, side, up=True),
                        StyleLayer(b, b, latent, side),
                        ModulatedConv(b, 3, 1, latent, demodulate=False),
                    ]
                )
            )

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        w = self.mapping(pixel_norm(z))
        x = self.first(self.constant.repeat(z.shape[0], 1, 1, 1), w)
        image = self.first_image(x, w)
        for up, conv, to_image in self.blocks:
            x = conv(up(x, w), w)
            image = interpolate(image, scale_factor=2, mode="bilinear", align_corners=False) + to_image(x, w)
        return image


class AdaptiveNorm(nn.Module):
    """Adaptive instance normalisation (Huang, Belongie 2017, arXiv:1703.06868), the first StyleGAN's."""

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.norm, self.style = nn.InstanceNorm2d(channels), nn.Linear(style, 2 * channels)

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        gain, offset = self.style(w)[:, :, None, None].chunk(2, 1)
        return (1 + gain) * self.norm(x) + offset


class StyleGAN(nn.Module):
    """Latent (N, latent) -> image (N, 3, size, size): bilinear upsampling, convolution, AdaIN (Karras et al. 2019,
    arXiv:1812.04948)."""

    def __init__(self, *, latent: int = 64, features: int = 32, size: int = 32) -> None:
        super().__init__()
        self.mapping = nn.Sequential(
            nn.Linear(latent, latent), nn.LeakyReLU(0.2), nn.Linear(latent, latent), nn.LeakyReLU(0.2)
        )
        self.constant = nn.Parameter(torch.randn(1, features, 4, 4))
        count = size.bit_length() - 3
        self.convs = nn.ModuleList(nn.Conv2d(features, features, 3, 1, 1) for _ in range(count))
        self.norms = nn.ModuleList(AdaptiveNorm(features, latent) for _ in range(count))
        self.out = nn.Conv2d(features, 3, 1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        w = self.mapping(z)
        x = self.constant.expand(len(z), -1, -1, -1)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = norm(leaky_relu(conv(interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)), 0.2), w)
        return self.out(x)


class Residual1d(nn.Module):
    """HiFi-GAN's residual block: dilated convolutions, LeakyReLU 0.1."""

    def __init__(self, width: int, kernel: int, dilations: tuple[int, ...] = (1, 3, 5)) -> None:
        super().__init__()
        self.first = nn.ModuleList(
            nn.Conv1d(width, width, kernel, dilation=d, padding=d * (kernel - 1) // 2) for d in dilations
        )
        self.second = nn.ModuleList(nn.Conv1d(width, width, kernel, padding=(kernel - 1) // 2) for _ in dilations)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for first, second in zip(self.first, self.second, strict=True):
            x = x + second(leaky_relu(first(leaky_relu(x, 0.1)), 0.1))
        return x


class HiFiGAN(nn.Module):
    """Mel spectrogram (N, mels, T) -> waveform (N, 1, T * prod(rates)) in -1..1 (Kong et al. 2020,
    arXiv:2010.05646)."""

    def __init__(
        self,
        *,
        mels: int = 80,
        features: int = 128,
        rates: tuple[int, ...] = (8, 8, 2, 2),
        kernels: tuple[int, ...] = (3, 7),
    ) -> None:
        super().__init__()
        self.first = nn.utils.parametrizations.weight_norm(nn.Conv1d(mels, features, 7, padding=3))
        self.ups, self.blocks = nn.ModuleList(), nn.ModuleList()
        for rate in rates:
            self.ups.append(
                nn.utils.parametrizations.weight_norm(
                    nn.ConvTranspose1d(features, features // 2, 2 * rate, rate, rate // 2)
                )
            )
            features //= 2
            self.blocks.append(nn.ModuleList(Residual1d(features, k) for k in kernels))
        self.last = nn.utils.parametrizations.weight_norm(nn.Conv1d(features, 1, 7, padding=3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for up, blocks in zip(self.ups, self.blocks, strict=True):
            x = up(leaky_relu(x, 0.1))
            x = sum(block(x) for block in blocks) / len(blocks)
        return torch.tanh(self.last(leaky_relu(x)))
