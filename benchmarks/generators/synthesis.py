"""From a latent, or a spectrogram: FastGAN and StyleGAN2 at 256x256, HiFi-GAN v1."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.architectures import HiFiGAN, StyleGAN2
from benchmarks.generators.seeding import seeded

norm = nn.utils.parametrizations.spectral_norm


class GLU(nn.Module):
    """Half of the channels gate the other half."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        half = x.size(1) // 2
        return x[:, :half] * torch.sigmoid(x[:, half:])


class NoiseInjection(nn.Module):
    """A learned share of fixed noise, as FastGAN has it when it draws for deployment."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((1,), 0.1))
        self.register_buffer("noise", torch.randn(1, 1, size, size))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.weight * self.noise


class SkipExcitation(nn.Module):
    """Small maps scale the channels of large ones (Liu et al. 2021, arXiv:2101.04775)."""

    def __init__(self, small: int, large: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.AdaptiveAvgPool2d(4),
            norm(nn.Conv2d(small, large, 4, 1, 0, bias=False)),
            nn.SiLU(),
            norm(nn.Conv2d(large, large, 1, 1, 0, bias=False)),
            nn.Sigmoid(),
        )

    def forward(self, small: torch.Tensor, large: torch.Tensor) -> torch.Tensor:
        return large * self.main(small)


def up_block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"),
        norm(nn.Conv2d(inputs, 2 * outputs, 3, 1, 1, bias=False)),
        nn.BatchNorm2d(2 * outputs),
        GLU(),
    )


def up_block_comp(inputs: int, outputs: int, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"),
        norm(nn.Conv2d(inputs, 2 * outputs, 3, 1, 1, bias=False)),
        NoiseInjection(size),
        nn.BatchNorm2d(2 * outputs),
        GLU(),
        norm(nn.Conv2d(outputs, 2 * outputs, 3, 1, 1, bias=False)),
        NoiseInjection(size),
        nn.BatchNorm2d(2 * outputs),
        GLU(),
    )


class FastGAN(nn.Module):
    """Latent (N, 256) -> image (N, 3, 256, 256) in -1..1."""

    def __init__(self, ngf: int = 64, nz: int = 256) -> None:
        super().__init__()
        nfc = {4: 16 * ngf, 8: 8 * ngf, 16: 4 * ngf, 32: 2 * ngf, 64: 2 * ngf, 128: ngf, 256: ngf // 2}
        self.init = nn.Sequential(
            norm(nn.ConvTranspose2d(nz, 2 * nfc[4], 4, 1, 0, bias=False)), nn.BatchNorm2d(2 * nfc[4]), GLU()
        )
        self.feat_8 = up_block_comp(nfc[4], nfc[8], 8)
        self.feat_16 = up_block(nfc[8], nfc[16])
        self.feat_32 = up_block_comp(nfc[16], nfc[32], 32)
        self.feat_64 = up_block(nfc[32], nfc[64])
        self.feat_128 = up_block_comp(nfc[64], nfc[128], 128)
        self.feat_256 = up_block(nfc[128], nfc[256])
        self.se_64, self.se_128, self.se_256 = (
            SkipExcitation(nfc[4], nfc[64]),
            SkipExcitation(nfc[8], nfc[128]),
            SkipExcitation(nfc[16], nfc[256]),
        )
        self.to_big = norm(nn.Conv2d(nfc[256], 3, 3, 1, 1, bias=False))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        feat_4 = self.init(z.view(z.shape[0], -1, 1, 1))
        feat_8 = self.feat_8(feat_4)
        feat_16 = self.feat_16(feat_8)
        feat_32 = self.feat_32(feat_16)
        feat_64 = self.se_64(feat_4, self.feat_64(feat_32))
        feat_128 = self.se_128(feat_8, self.feat_128(feat_64))
        feat_256 = self.se_256(feat_16, self.feat_256(feat_128))
        return torch.tanh(self.to_big(feat_256))


def fastgan_256() -> nn.Module:
    return seeded(FastGAN, lambda: torch.randn(4, 256))


def stylegan2_256() -> nn.Module:
    """Half of the published width at every size (the "small" configuration of 256x256)."""
    return seeded(lambda: StyleGAN2(latent=512, features=64, size=256, depth=8), lambda: torch.randn(4, 512))


def hifigan_v1() -> nn.Module:
    return seeded(
        lambda: HiFiGAN(mels=80, features=512, rates=(8, 8, 2, 2), kernels=(3, 7, 11)), lambda: torch.randn(1, 80, 32)
    )
