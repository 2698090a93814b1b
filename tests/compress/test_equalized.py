"""Where int8 alone does not hold the gate, channels are scaled for it before layers are left in float."""

import numpy as np
import pytest

from edgegan.compress import compress
from tests.validation import validate

UNEVEN = """
import torch
from torch import nn


def made(uneven=True):
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3, padding=1), nn.PReLU(16)]
    for _ in range(3):
        layers += [nn.Conv2d(16, 16, 3, padding=1), nn.PReLU(16)]
    net = nn.Sequential(*layers, nn.Conv2d(16, 12, 3, padding=1), nn.PixelShuffle(2), nn.Sigmoid())
    with torch.no_grad():
        for layer in net[0:10:2]:
            nn.init.kaiming_normal_(layer.weight, 0.25)
        for first, second in zip(net[0:8:2], net[2:10:2]):
            scale = 2.0 ** torch.linspace(-4, 4, 16)[torch.randperm(16)] if uneven else torch.ones(16)
            first.weight.mul_(scale[:, None, None, None])
            first.bias.mul_(scale)
            second.weight.div_(scale[None, :, None, None])
    return net


def even():
    return made(uneven=False)
"""


@pytest.mark.slow
@pytest.mark.parametrize("factory", ["made", "even"])
def test_channels_of_uneven_range_are_scaled_where_the_gate_asks_for_it(factory, photos, tmp_path):
    (tmp_path / "uneven.py").write_text(UNEVEN)
    np.savez(tmp_path / "photos.npz", images=photos)
    report = compress(
        f"{tmp_path / 'uneven.py'}:{factory}",
        "mobile",
        inputs=("image:3x16x16@0,1",),
        output_range=(0, 1),
        data=tmp_path / "photos.npz",
        out=tmp_path / "out",
        threads=1,
        min_psnr=35,
        fd_samples=0,
    ).content
    validate("report", report)
    notes = " ".join(note for stage in report["stages"] for note in stage["notes"])
    result = report["result"]
    assert result["precision"] == "int8" and result["quality"]["psnr_db"] > 40
    if factory == "even":
        assert "equalization" not in notes and "equalized" not in result["name"]
        return
    plain = next(row for row in report["candidates"] if row["name"] == "litert-phase-nhwc-int8")
    assert "equalization: 4 of 4 pairs of layers" in notes and "in float" not in notes
    assert result["name"] == "litert-phase-nhwc-int8-equalized" and plain["quality"]["psnr_db"] < 25
