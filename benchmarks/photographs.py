"""Photographs for the benchmarks, cut from Debian's package ``lomiri-wallpapers-20.04`` (CC-BY-SA-3.0); those that
sr-compact learnt from are in ``lomiri-wallpapers-16.04`` (CC-BY-4.0, CC-BY-SA-4.0, CC0-1.0)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from edgegan.core.errors import UsageError
from edgegan.core.images import image_files, read_picture, resized

FOLDER = Path("/usr/share/backgrounds")
NAMES = (
    "Fossa_by_Jasper_Roks",
    "Infinite-Sea_by_Aury88",
    "Kleiber_by_Lukas_Baubkus",
    "Painting-Colors_by__herobrine7gamer",
)
LEARNT = (
    "Bridge_by_Sander_Klootwijk", "Dragonfly_by_Bolly", "Picture_0B_by_freespace", "Picture_1A_by_freespace",
    "Wine_by_Jakkub_Mede", "aitzgorri_by_Aitzol_Berasategi", "analogpattern_by_Peter_Nerlich", "free_by_Peter_Nerlich",
    "friends_by_Aitzol_Berasategi", "greentock_by_Peter_Nerlich", "life_by_Aitzol_Berasategi",
    "picosdeeuropa_by_Aitzol_Berasategi", "seeding_by_Clements_Engelhardt", "sunset_by_Aitzol_Berasategi",
    "umang_by_Abhishek_Mudgal",
)  # fmt: skip
SCALE = 3
"""Photographs are taken at a third of their size, where a pixel is sharp."""


def pieces(size: int, count: int, seed: int = 0, names: Collection[str] = NAMES) -> np.ndarray:
    """``count`` square pieces of the photographs of those ``names``, in turn: uint8 (count, size, size, 3). Raises
    UsageError where they are not installed."""
    files = [file for file in image_files(FOLDER) if file.stem in names] if FOLDER.is_dir() else []
    if len(files) < len(names):
        raise UsageError(
            "there are no photographs here: apt-get install lomiri-wallpapers-16.04 lomiri-wallpapers-20.04"
        )
    rng = np.random.default_rng(seed)
    wholes = [_smaller(read_picture(file)) for file in files]
    cut = []
    for index in range(count):
        whole = wholes[index % len(wholes)]
        top, left = (int(rng.integers(0, side - size + 1)) for side in whole.shape[:2])
        cut.append(whole[top : top + size, left : left + size])
    return np.stack(cut)


def _smaller(picture: np.ndarray) -> np.ndarray:
    return resized(picture, (picture.shape[0] // SCALE, picture.shape[1] // SCALE))
