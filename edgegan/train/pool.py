"""CycleGAN's image pool (Shrivastava et al. 2017, arXiv:1612.07828): discriminators also see older fakes."""

from __future__ import annotations

import numpy as np
import torch


class ImagePool:
    """Up to ``size`` past pictures; half of the time a past one is given out and the new one takes its place."""

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.seed, self.asked = size, seed, 0
        self.kept: list[torch.Tensor] = []

    def exchange(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, C, H, W) -> as many, new or past, without gradients."""
        if not self.size:
            return images.detach()
        given = []
        for image in images.detach():
            rng = np.random.default_rng([self.seed, self.asked])
            self.asked += 1
            if len(self.kept) < self.size:
                self.kept.append(image)
                given.append(image)
            elif rng.random() < 0.5:
                place = int(rng.integers(self.size))
                given.append(self.kept[place])
                self.kept[place] = image
            else:
                given.append(image)
        return torch.stack(given)

    def state(self) -> dict[str, object]:
        return {"asked": self.asked, "kept": self.kept}

    def restore(self, state: dict[str, object]) -> None:
        self.asked, self.kept = state["asked"], state["kept"]  # type: ignore[assignment]
