"""Super-resolution by 4: RRDB (ESRGAN, Real-ESRGAN) and SRVGG (Real-ESRGAN's compact form), trained for some minutes
on photographs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate

from benchmarks.generators.training import Lessons, trained
from benchmarks.photographs import pieces
from edgegan.core.images import resized

PATCH, PIECES, BATCH, RATE = 16, 512, 8, 5e-4


class ResidualDenseBlock(nn.Module):
    """Five convolutions, each seeing all before it; a fifth of the result is added to the input."""

    def __init__(self, num_feat: int = 64, num_grow_ch: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(num_feat, num_grow_ch, 3, 1, 1)
        self.conv2 = nn.Conv2d(num_feat + num_grow_ch, num_grow_ch, 3, 1, 1)
        self.conv3 = nn.Conv2d(num_feat + 2 * num_grow_ch, num_grow_ch, 3, 1, 1)
        self.conv4 = nn.Conv2d(num_feat + 3 * num_grow_ch, num_grow_ch, 3, 1, 1)
        self.conv5 = nn.Conv2d(num_feat + 4 * num_grow_ch, num_feat, 3, 1, 1)
        self.lrelu = nn.LeakyReLU(negative_slope=0.2, inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x1 = self.lrelu(self.conv1(x))
        x2 = self.lrelu(self.conv2(torch.cat((x, x1), 1)))
        x3 = self.lrelu(self.conv3(torch.cat((x, x1, x2), 1)))
        x4 = self.lrelu(self.conv4(torch.cat((x, x1, x2, x3), 1)))
        x5 = self.conv5(torch.cat((x, x1, x2, x3, x4), 1))
        return x5 * 0.2 + x


class RRDB(nn.Module):
    """Three dense blocks, a fifth of their result added to the input."""

    def __init__(self) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (ResidualDenseBlock() for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rdb3(self.rdb2(self.rdb1(x))) * 0.2 + x


class RRDBNet(nn.Module):
    """Image (N, 3, H, W) in 0..1 -> (N, 3, 4 H, 4 W) (Wang et al. 2018, arXiv:1809.00219)."""

    def __init__(self, num_block: int) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(3, 64, 3, 1, 1)
        self.body = nn.Sequential(*(RRDB() for _ in range(num_block)))
        self.conv_body, self.conv_up1, self.conv_up2, self.conv_hr = (nn.Conv2d(64, 64, 3, 1, 1) for _ in range(4))
        self.conv_last = nn.Conv2d(64, 3, 3, 1, 1)
        self.lrelu = nn.LeakyReLU(negative_slope=0.2, inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        feat = self.conv_first(x)
        feat = feat + self.conv_body(self.body(feat))
        feat = self.lrelu(self.conv_up1(interpolate(feat, scale_factor=2, mode="nearest")))
        feat = self.lrelu(self.conv_up2(interpolate(feat, scale_factor=2, mode="nearest")))
        return self.conv_last(self.lrelu(self.conv_hr(feat)))


class SRVGGNetCompact(nn.Module):
    """Image (N, 3, H, W) in 0..1 -> (N, 3, 4 H, 4 W): plain convolutions with PReLU, the enlarged input added to the
    result (Real-ESRGAN's compact form)."""

    def __init__(self, num_conv: int, num_feat: int = 64, upscale: int = 4) -> None:
        super().__init__()
        self.upscale, self.body = upscale, nn.ModuleList([nn.Conv2d(3, num_feat, 3, 1, 1), nn.PReLU(num_feat)])
        for _ in range(num_conv):
            self.body.extend([nn.Conv2d(num_feat, num_feat, 3, 1, 1), nn.PReLU(num_feat)])
        self.body.append(nn.Conv2d(num_feat, 3 * upscale * upscale, 3, 1, 1))
        self.upsampler = nn.PixelShuffle(upscale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = x
        for layer in self.body:
            out = layer(out)
        return self.upsampler(out) + interpolate(x, scale_factor=self.upscale, mode="nearest")


def _lessons() -> Lessons:
    wanted = pieces(4 * PATCH, PIECES, seed=1)
    given = np.stack([resized(piece, (PATCH, PATCH)) for piece in wanted])
    small, large = (torch.from_numpy(a).permute(0, 3, 1, 2).float() / 255 for a in (given, wanted))
    return Lessons(small, large, BATCH, RATE)


def _trained(name: str, make: Callable[[], nn.Module], steps: int) -> nn.Module:
    return trained(name, lambda: _begun_small(make()), steps, _lessons)


@torch.no_grad()
def _begun_small(generator: nn.Module) -> nn.Module:
    """Dense blocks begin at a tenth of He's deviation, as published; slopes apart from each other, on both sides
    of 1."""
    for module in generator.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.PReLU):
            module.weight.uniform_(-0.2, 1.4)
    for module in generator.modules():
        if isinstance(module, ResidualDenseBlock):
            for conv in (module.conv1, module.conv2, module.conv3, module.conv4, module.conv5):
                conv.weight.mul_(0.1)
    if isinstance(generator, SRVGGNetCompact):
        generator.body[-1].weight.mul_(0.1)
    return generator


def rrdb_6() -> nn.Module:
    return _trained("rrdb-6", lambda: RRDBNet(6), 1200)


def rrdb_23() -> nn.Module:
    return _trained("rrdb-23", lambda: RRDBNet(23), 200)


def srvgg_16() -> nn.Module:
    return _trained("srvgg-16", lambda: SRVGGNetCompact(16), 2000)


def srvgg_32() -> nn.Module:
    """After 600 steps it has 23 dB to the photographs, of which the nearest pixels have 35: nobody deploys that."""
    return _trained("srvgg-32", lambda: SRVGGNetCompact(32), 8000)
