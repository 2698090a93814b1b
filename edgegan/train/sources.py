"""Where training pictures come from: one sequence of uint8 (H, W, C) pictures and, where there are some, their
labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.core.arrays import array_of, opened
from edgegan.core.errors import UsageError
from edgegan.core.images import (
    convert_channels,
    image_files,
    read_idx,
    read_images,
    read_picture,
    refuse_broken,
    resized,
)
from edgegan.models.factory import import_factory

KEPT_BYTES = 2 << 30
"""Decoded pictures of a folder are kept in memory up to this; beyond it they are decoded anew each time."""

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Source:
    """``pictures[i]``: uint8 (H, W, C). ``labels``: int64 (N,) or None. ``broken``: files left out."""

    pictures: Sequence[np.ndarray] | np.ndarray
    labels: np.ndarray | None = None
    broken: int = 0

    def __len__(self) -> int:
        return len(self.pictures)

    def of_classes(self, classes: tuple[int, ...], path: str) -> Source:
        """The pictures of those classes; all of them where none are named. UsageError where a class has none."""
        if not classes:
            return self
        if self.labels is None:
            raise UsageError(f"recipe: classes = {list(classes)} needs labels, and {path} has none; give labels =")
        missing = sorted(set(classes) - set(self.labels.tolist()))
        if missing:
            raise UsageError(
                f"recipe: classes {missing} do not occur in {path}, whose labels span "
                f"{self.labels.min()}..{self.labels.max()}"
            )
        chosen = np.flatnonzero(np.isin(self.labels, classes))
        pictures = self.pictures[chosen] if isinstance(self.pictures, np.ndarray) else Chosen(self.pictures, chosen)
        return Source(pictures, self.labels[chosen], self.broken)


class Chosen(Sequence[np.ndarray]):
    """Some members of a sequence, by index."""

    def __init__(self, whole: Sequence[np.ndarray], indices: np.ndarray) -> None:
        self.whole, self.indices = whole, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        return self.whole[int(self.indices[index])]


class Folder(Sequence[np.ndarray]):
    """Image files, decoded to ``size`` (None: their own, divided by ``shrink``) when asked for; kept in memory while
    they are few."""

    def __init__(self, files: list[Path], size: tuple[int, int] | None, channels: int, shrink: int = 1) -> None:
        self.files, self.size, self.channels, self.shrink = files, size, channels, shrink
        self.kept: dict[int, np.ndarray] = {}
        self.kept_bytes = 0

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: Any) -> Any:
        picture = self.kept.get(int(index))
        return self._decode(int(index)) if picture is None else picture

    def _decode(self, index: int) -> np.ndarray:
        picture = read_picture(self.files[index], self.size, self.channels)
        if self.shrink > 1:
            picture = resized(picture, (picture.shape[0] // self.shrink, picture.shape[1] // self.shrink))
        if self.kept_bytes + picture.nbytes <= KEPT_BYTES:
            self.kept[index] = picture
            self.kept_bytes += picture.nbytes
        return picture

    def read_all(self, report: Report | None) -> list[str]:
        """Decode every file once, leave the broken ones out, and return what is wrong with each."""
        broken: dict[Path, str] = {}

        def attempt(index: int) -> None:
            try:
                self._decode(index)
            except UsageError as exc:
                broken[self.files[index]] = str(exc)

        with ThreadPoolExecutor() as pool:
            for done, _ in enumerate(pool.map(attempt, range(len(self.files)))):
                if report:
                    report(done + 1, len(self.files))
        good = [index for index, file in enumerate(self.files) if file not in broken]
        self.files, self.kept = (
            [self.files[i] for i in good],
            {new: self.kept[old] for new, old in enumerate(good) if old in self.kept},
        )
        return list(broken.values())


class TorchDataset(Sequence[np.ndarray]):
    """Any torch dataset whose items are a picture, or a tuple that begins with one: PIL, uint8 or float in 0..1 or
    -1..1."""

    def __init__(self, dataset: Any, size: tuple[int, int] | None, channels: int) -> None:
        self.dataset, self.size, self.channels = dataset, size, channels

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> Any:
        item = self.dataset[int(index)]
        picture = convert_channels(_as_uint8(item[0] if isinstance(item, tuple | list) else item), self.channels)
        return picture if self.size is None or picture.shape[:2] == self.size else resized(picture, self.size)

    def labels(self) -> np.ndarray | None:
        known = getattr(self.dataset, "targets", None)
        if known is None and len(self) and isinstance(first := self.dataset[0], tuple | list) and len(first) > 1:
            known = [self.dataset[index][1] for index in range(len(self))]
        return None if known is None else np.asarray(known, np.int64)


def _as_uint8(picture: Any) -> np.ndarray:
    """PIL, array or tensor, (H, W), (H, W, C) or (C, H, W) -> uint8 (H, W, C)."""
    array = np.asarray(picture)
    if array.ndim == 2:
        array = array[..., None]
    if array.shape[-1] not in (1, 3) and array.shape[0] in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[-1] not in (1, 3):
        raise UsageError(
            f"the dataset's pictures have the shape {array.shape}; (H, W), (H, W, C) and (C, H, W) with 1 or 3 "
            "channels are understood"
        )
    if array.dtype == np.uint8:
        return array
    scaled = (array + 1) * 127.5 if array.min() < 0 else array * 255.0
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def open_source(
    path: str,
    labels: str,
    size: tuple[int, int],
    channels: int,
    resize: bool,
    broken_share: float,
    shrink: int = 1,
    report: Report | None = None,
) -> Source:
    """Open a recipe's data in the model's ``size`` (height, width); with ``resize`` false, in its own, a folder's
    divided by ``shrink``."""
    if ":" in path and not Path(path).exists():
        dataset = TorchDataset(import_factory(path), size if resize else None, channels)
        return Source(dataset, _labels(labels, len(dataset)) if labels else dataset.labels())
    if Path(path).is_dir():
        return _open_folder(Path(path), labels, None if not resize else size, channels, broken_share, shrink, report)
    images = read_images(path, size if resize else None, channels)
    return Source(images, _labels(labels, len(images)) if labels else _archived_labels(Path(path), len(images)))


def _open_folder(
    path: Path,
    labels: str,
    size: tuple[int, int] | None,
    channels: int,
    broken_share: float,
    shrink: int,
    report: Report | None,
) -> Source:
    folder = Folder(image_files(path), size, channels, shrink)
    count = len(folder)
    broken = folder.read_all(report)
    refuse_broken(path, count, broken, broken_share)
    if labels:
        return Source(folder, _labels(labels, len(folder)), len(broken))
    parents = [file.relative_to(path).parts[0] if file.parent != path else "" for file in folder.files]
    names = sorted(set(parents))
    return Source(folder, None if names == [""] else np.array([names.index(p) for p in parents], np.int64), len(broken))


def _archived_labels(path: Path, count: int) -> np.ndarray | None:
    """The array ``labels`` of an .npz."""
    if path.suffix != ".npz":
        return None
    with opened(path) as archive:
        return _checked(array_of(archive, "labels"), count, path) if "labels" in archive.files else None


def _labels(path: str, count: int) -> np.ndarray:
    if not Path(path).is_file():
        raise UsageError(f"recipe: labels = {path!r}: no such file")
    if not path.endswith(".npy"):
        return _checked(read_idx(path), count, Path(path))
    with opened(Path(path)) as labels:
        return _checked(labels, count, Path(path))


def _checked(labels: np.ndarray, count: int, path: Path) -> np.ndarray:
    if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
        raise UsageError(
            f"{path}: {labels.dtype} labels of shape {labels.shape} for {count} pictures; one whole number each is "
            "needed"
        )
    return labels.astype(np.int64)
