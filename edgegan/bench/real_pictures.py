"""Real pictures, of which any number is read when it is asked for: sets that are larger than memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgegan.core.errors import UsageError
from edgegan.core.images import image_files, read_images, read_picture, refuse_broken


@dataclass(frozen=True)
class RealPictures:
    """``read``: the picture of a place, uint8 (H, W, C), UsageError where it is broken. ``digest``: SHA-256 of what the
    pictures of such places are made of."""

    where: Path
    count: int
    read: Callable[[int], np.ndarray]
    digest: Callable[[Sequence[int]], str]

    def batches(self, places: Sequence[int], size: int) -> Iterator[np.ndarray]:
        """Their pictures, uint8 (at most ``size``, H, W, C), without broken ones. Raises UsageError where more than a
        tenth are broken."""
        ready, broken = [], []
        for place in places:
            try:
                ready.append(self.read(place))
            except UsageError as exc:
                broken.append(str(exc))
                refuse_broken(self.where, len(places), broken)
            if len(ready) == size:
                yield np.stack(ready)
                ready = []
        if ready:
            yield np.stack(ready)


def of_array(images: np.ndarray) -> RealPictures:
    """Of uint8 (N, H, W, C)."""

    def digest(places: Sequence[int]) -> str:
        found = hashlib.sha256(str(images.shape[1:]).encode())
        for place in places:
            found.update(images[place].tobytes())
        return found.hexdigest()

    return RealPictures(Path("memory"), len(images), lambda place: images[place], digest)


def open_pictures(path: Path, size: tuple[int, int], channels: int) -> RealPictures:
    """A folder is read picture by picture; anything else that ``read_images`` takes is read now."""
    if not Path(path).is_dir():
        return of_array(read_images(path, size=size, channels=channels))
    files = image_files(Path(path))

    def digest(places: Sequence[int]) -> str:
        found = hashlib.sha256(f"{size} {channels}".encode())
        for place in places:
            found.update(hashlib.sha256(files[place].read_bytes()).digest())
        return found.hexdigest()

    return RealPictures(Path(path), len(files), lambda place: read_picture(files[place], size, channels), digest)
