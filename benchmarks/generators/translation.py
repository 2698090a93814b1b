"""Image to image at 256x256: CycleGAN, its MobileNet-style student, U-GAT-IT, pix2pix, pix2pixHD, SPADE; trained for
some minutes to paint photographs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, interpolate, leaky_relu, pad

from benchmarks.generators.training import Lessons, trained
from benchmarks.photographs import pieces


class ResnetBlock(nn.Module):
    """Two reflection-padded 3x3 convolutions with their norms, added to the input."""

    def __init__(self, width: int, conv: type[nn.Module] = nn.Conv2d) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            conv(width, width, 3),
            nn.InstanceNorm2d(width),
            nn.ReLU(True),
            nn.ReflectionPad2d(1),
            conv(width, width, 3),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv_block(x)


class SeparableConv(nn.Module):
    """A depthwise convolution, a norm and a 1x1 convolution, as GAN Compression's students have them (Li et al. 2020,
    arXiv:2003.08936)."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, inputs, kernel, groups=inputs), nn.InstanceNorm2d(inputs), nn.Conv2d(inputs, outputs, 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class ResnetGenerator(nn.Module):
    """Image (N, 3, H, W) -> the same: CycleGAN's (Zhu et al. 2017, arXiv:1703.10593) with two halvings, pix2pixHD's
    global network (Wang et al. 2018, arXiv:1711.11585) with four."""

    def __init__(
        self, features: int = 64, halvings: int = 2, blocks: int = 9, conv: type[nn.Module] = nn.Conv2d
    ) -> None:
        super().__init__()
        widths = [features * 2**level for level in range(halvings)]
        model: list[nn.Module] = [
            nn.ReflectionPad2d(3),
            nn.Conv2d(3, features, 7),
            nn.InstanceNorm2d(features),
            nn.ReLU(True),
        ]
        for width in widths:
            model += [nn.Conv2d(width, 2 * width, 3, 2, 1), nn.InstanceNorm2d(2 * width), nn.ReLU(True)]
        model += [ResnetBlock(features * 2**halvings, conv) for _ in range(blocks)]
        for width in reversed(widths):
            model += [
                nn.ConvTranspose2d(2 * width, width, 3, 2, 1, output_padding=1),
                nn.InstanceNorm2d(width),
                nn.ReLU(True),
            ]
        self.model = nn.Sequential(*model, nn.ReflectionPad2d(3), nn.Conv2d(features, 3, 7), nn.Tanh())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


class UnetBlock(nn.Module):
    """One level of pix2pix's U-Net with all below it; the input is concatenated to the result."""

    def __init__(self, outer: int, inner: int, inside: nn.Module | None, outermost: bool = False) -> None:
        super().__init__()
        self.outermost = outermost
        down = nn.Conv2d(3 if outermost else outer, inner, 4, 2, 1)
        up = nn.ConvTranspose2d(inner if inside is None else 2 * inner, outer, 4, 2, 1)
        if outermost:
            parts = [down, inside, nn.ReLU(), up, nn.Tanh()]
        elif inside is None:
            parts = [nn.LeakyReLU(0.2), down, nn.ReLU(), up, nn.BatchNorm2d(outer)]
        else:
            parts = [nn.LeakyReLU(0.2), down, nn.BatchNorm2d(inner), inside, nn.ReLU(), up, nn.BatchNorm2d(outer)]
        self.model = nn.Sequential(*(part for part in parts if part is not None))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class UnetGenerator(nn.Module):
    """Image (N, 3, 256, 256) -> the same (Isola et al. 2017, arXiv:1611.07004), eight levels."""

    def __init__(self, features: int = 64) -> None:
        super().__init__()
        block: nn.Module = UnetBlock(8 * features, 8 * features, None)
        for _ in range(3):
            block = UnetBlock(8 * features, 8 * features, block)
        for outer in (4, 2, 1):
            block = UnetBlock(outer * features, 2 * outer * features, block)
        self.model = UnetBlock(3, features, block, outermost=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


class LayerInstanceNorm(nn.Module):
    """U-GAT-IT's mixture of instance and layer norm, by a learned share a channel."""

    def __init__(self, channels: int, affine: bool) -> None:
        super().__init__()
        self.rho = nn.Parameter(torch.full((1, channels, 1, 1), 0.6))
        self.affine = affine
        if affine:
            self.gamma = nn.Parameter(torch.ones(1, channels, 1, 1))
            self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(
        self, x: torch.Tensor, gamma: torch.Tensor | None = None, beta: torch.Tensor | None = None
    ) -> torch.Tensor:
        in_mean, in_var = torch.mean(x, dim=[2, 3], keepdim=True), torch.var(x, dim=[2, 3], keepdim=True)
        out_in = (x - in_mean) / torch.sqrt(in_var + 1e-5)
        ln_mean, ln_var = torch.mean(x, dim=[1, 2, 3], keepdim=True), torch.var(x, dim=[1, 2, 3], keepdim=True)
        out_ln = (x - ln_mean) / torch.sqrt(ln_var + 1e-5)
        out = self.rho.expand(x.shape[0], -1, -1, -1) * out_in + (1 - self.rho) * out_ln
        if self.affine:
            return out * self.gamma + self.beta
        assert gamma is not None and beta is not None
        return out * gamma.unsqueeze(2).unsqueeze(3) + beta.unsqueeze(2).unsqueeze(3)


class AdaptiveBlock(nn.Module):
    """U-GAT-IT's residual block, its norms scaled and shifted by what the attention saw."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pad1, self.conv1 = nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=False)
        self.norm1, self.relu1 = LayerInstanceNorm(width, affine=False), nn.ReLU(True)
        self.pad2, self.conv2 = nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=False)
        self.norm2 = LayerInstanceNorm(width, affine=False)

    def forward(self, x: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
        out = self.relu1(self.norm1(self.conv1(self.pad1(x)), gamma, beta))
        return x + self.norm2(self.conv2(self.pad2(out)), gamma, beta)


class UGATIT(nn.Module):
    """Image (N, 3, 256, 256) -> the same: attention by class activation maps, AdaLIN (Kim et al. 2020,
    arXiv:1907.10830), the light form."""

    def __init__(self, features: int = 64, blocks: int = 4) -> None:
        super().__init__()
        down: list[nn.Module] = [
            nn.ReflectionPad2d(3),
            nn.Conv2d(3, features, 7, bias=False),
            nn.InstanceNorm2d(features),
            nn.ReLU(True),
        ]
        for width in (features, 2 * features):
            down += [
                nn.ReflectionPad2d(1),
                nn.Conv2d(width, 2 * width, 3, 2, bias=False),
                nn.InstanceNorm2d(2 * width),
                nn.ReLU(True),
            ]
        wide = 4 * features
        self.down = nn.Sequential(*down, *(ResnetBlock(wide) for _ in range(blocks)))
        self.gap_fc, self.gmp_fc = nn.Linear(wide, 1, bias=False), nn.Linear(wide, 1, bias=False)
        self.conv1x1, self.relu = nn.Conv2d(2 * wide, wide, 1), nn.ReLU(True)
        self.fc = nn.Sequential(
            nn.Linear(wide, wide, bias=False), nn.ReLU(True), nn.Linear(wide, wide, bias=False), nn.ReLU(True)
        )
        self.gamma, self.beta = nn.Linear(wide, wide, bias=False), nn.Linear(wide, wide, bias=False)
        self.up1 = nn.ModuleList(AdaptiveBlock(wide) for _ in range(blocks))
        up: list[nn.Module] = []
        for width in (wide, wide // 2):
            up += [
                nn.Upsample(scale_factor=2, mode="nearest"),
                nn.ReflectionPad2d(1),
                nn.Conv2d(width, width // 2, 3, bias=False),
                LayerInstanceNorm(width // 2, affine=True),
                nn.ReLU(True),
            ]
        self.up2 = nn.Sequential(*up, nn.ReflectionPad2d(3), nn.Conv2d(features, 3, 7, bias=False), nn.Tanh())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.down(x)
        gap_weight, gmp_weight = next(iter(self.gap_fc.parameters())), next(iter(self.gmp_fc.parameters()))
        gap = x * gap_weight.unsqueeze(2).unsqueeze(3)
        gmp = x * gmp_weight.unsqueeze(2).unsqueeze(3)
        x = self.relu(self.conv1x1(torch.cat([gap, gmp], 1)))
        seen = self.fc(adaptive_avg_pool2d(x, 1).view(x.shape[0], -1))
        gamma, beta = self.gamma(seen), self.beta(seen)
        for block in self.up1:
            x = block(x, gamma, beta)
        return self.up2(x)


class SpadeNorm(nn.Module):
    """Batch norm without parameters, scaled and shifted place by place by the map (Park et al. 2019,
    arXiv:1903.07291)."""

    def __init__(self, channels: int, labels: int, hidden: int = 128) -> None:
        super().__init__()
        self.param_free_norm = nn.BatchNorm2d(channels, affine=False)
        self.mlp_shared = nn.Sequential(nn.Conv2d(labels, hidden, 3, padding=1), nn.ReLU())
        self.mlp_gamma, self.mlp_beta = (nn.Conv2d(hidden, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: torch.Tensor, segmap: torch.Tensor) -> torch.Tensor:
        segmap = interpolate(segmap, size=x.size()[2:], mode="nearest")
        seen = self.mlp_shared(segmap)
        return self.param_free_norm(x) * (1 + self.mlp_gamma(seen)) + self.mlp_beta(seen)


class SpadeBlock(nn.Module):
    """Two normalised convolutions beside a learned shortcut where widths differ."""

    def __init__(self, inputs: int, outputs: int, labels: int) -> None:
        super().__init__()
        middle = min(inputs, outputs)
        norm = nn.utils.parametrizations.spectral_norm
        self.conv_0, self.conv_1 = (
            norm(nn.Conv2d(inputs, middle, 3, padding=1)),
            norm(nn.Conv2d(middle, outputs, 3, padding=1)),
        )
        self.norm_0, self.norm_1 = SpadeNorm(inputs, labels), SpadeNorm(middle, labels)
        self.learned = inputs != outputs
        if self.learned:
            self.conv_s, self.norm_s = norm(nn.Conv2d(inputs, outputs, 1, bias=False)), SpadeNorm(inputs, labels)

    def forward(self, x: torch.Tensor, segmap: torch.Tensor) -> torch.Tensor:
        x_s = self.conv_s(self.norm_s(x, segmap)) if self.learned else x
        dx = self.conv_0(leaky_relu(self.norm_0(x, segmap), 0.2))
        return x_s + self.conv_1(leaky_relu(self.norm_1(dx, segmap), 0.2))


class SpadeGenerator(nn.Module):
    """A picture (N, 3, 256, 256) that is drawn over -> the same, normalised by it at every scale: GauGAN's generator
    with colours for labels."""

    def __init__(self, features: int = 64, labels: int = 3) -> None:
        super().__init__()
        nf = features
        self.fc = nn.Conv2d(labels, 16 * nf, 3, padding=1)
        self.head_0 = SpadeBlock(16 * nf, 16 * nf, labels)
        self.G_middle_0, self.G_middle_1 = (SpadeBlock(16 * nf, 16 * nf, labels) for _ in range(2))
        self.up_0, self.up_1 = SpadeBlock(16 * nf, 8 * nf, labels), SpadeBlock(8 * nf, 4 * nf, labels)
        self.up_2, self.up_3 = SpadeBlock(4 * nf, 2 * nf, labels), SpadeBlock(2 * nf, nf, labels)
        self.conv_img, self.up = nn.Conv2d(nf, 3, 3, padding=1), nn.Upsample(scale_factor=2)

    def forward(self, segmap: torch.Tensor) -> torch.Tensor:
        x = self.fc(interpolate(segmap, size=(8, 8)))
        x = self.up(self.head_0(x, segmap))
        x = self.G_middle_1(self.G_middle_0(x, segmap), segmap)
        for block in (self.up_0, self.up_1, self.up_2, self.up_3):
            x = block(self.up(x), segmap)
        return torch.tanh(self.conv_img(leaky_relu(x, 0.2)))


PIECES, BATCH, RATE = 256, 1, 3e-4


def painted(photographs: torch.Tensor) -> torch.Tensor:
    """What the translators learn: (N, 3, H, W) in -1..1 smoothed, edges drawn dark, every channel of one mean and
    contrast, since instance norms take away what these were."""
    smooth = avg_pool2d(pad(photographs, (2, 2, 2, 2), mode="reflect"), 5, 1)
    grey = pad(smooth.mean(1, keepdim=True), (1, 1, 1, 1), mode="reflect")
    across, down = grey[:, :, 1:-1, 2:] - grey[:, :, 1:-1, :-2], grey[:, :, 2:, 1:-1] - grey[:, :, :-2, 1:-1]
    edges = (across.square() + down.square()).sqrt()
    drawn = smooth - 2 * edges
    deviation, mean = torch.std_mean(drawn, (2, 3), keepdim=True)
    return (0.5 * (drawn - mean) / (deviation + 0.02)).clamp(-1, 1)


def _lessons(side: int) -> Lessons:
    given = torch.from_numpy(pieces(side, PIECES, seed=1)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return Lessons(given, painted(given), BATCH, RATE)


def _trained(name: str, make: Callable[[], nn.Module], side: int, steps: int) -> nn.Module:
    return trained(name, make, steps, lambda: _lessons(side))


def cyclegan_256() -> nn.Module:
    return _trained("cyclegan-256", ResnetGenerator, 128, 300)


def cyclegan_mobile_256() -> nn.Module:
    """The teacher's form with separable convolutions in its blocks."""
    return _trained("cyclegan-mobile-256", lambda: ResnetGenerator(conv=SeparableConv), 128, 200)


def ugatit_256() -> nn.Module:
    return _trained("ugatit-256", UGATIT, 128, 120)


def pix2pix_256() -> nn.Module:
    return _trained("pix2pix-256", UnetGenerator, 256, 120)


def pix2pixhd_256() -> nn.Module:
    return _trained("pix2pixhd-256", lambda: ResnetGenerator(halvings=4), 128, 120)


def spade_256() -> nn.Module:
    return _trained("spade-256", SpadeGenerator, 256, 40)
