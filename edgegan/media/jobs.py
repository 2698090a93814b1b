"""What a user gave as inputs, as jobs: each a picture, a video or a camera, and where its result goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgegan.core.errors import UsageError
from edgegan.core.images import SUFFIXES
from edgegan.media import video

CAMERA, STANDARD = "camera", "-"
PICTURES = (*SUFFIXES, ".tif", ".tiff", ".gif")


@dataclass(frozen=True)
class Job:
    """``source`` is None for standard input; ``target`` lacks its suffix and is relative to the folder of results."""

    kind: Literal["picture", "video", "camera"]
    source: Path | None
    target: Path

    @property
    def name(self) -> str:
        return "standard input" if self.source is None else str(self.source)


def jobs(inputs: Sequence[str]) -> list[Job]:
    """A job for each file, for each picture and video in a folder and below, for ``camera[:N]`` and for ``-``.

    Two results of one name are told apart by a number. Raises UsageError for what is not there, and for a folder
    without pictures or videos.
    """
    found = [job for text in inputs for job in _found(text)]
    taken: dict[Path, int] = {}
    unique = []
    for job in found:
        taken[job.target] = number = taken.get(job.target, 0) + 1
        target = job.target if number == 1 else job.target.with_name(f"{job.target.name}-{number}")
        unique.append(Job(job.kind, job.source, target))
    return unique


def _found(text: str) -> list[Job]:
    if text == STANDARD:
        return [Job("picture", None, Path("stdin"))]
    kind, _, number = text.partition(":")
    if kind == CAMERA and (number.isdigit() or not number):
        return [Job("camera", Path(f"/dev/video{number or 0}"), Path(f"camera{number or 0}"))]
    path = Path(text)
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.is_file() and _kind(f) is not None)
        if not files:
            raise UsageError(f"{text}: no pictures or videos in this folder ({', '.join(PICTURES + video.SUFFIXES)})")
        return [_job(file, file.relative_to(path).with_suffix("")) for file in files]
    if not path.is_file():
        raise UsageError(f"{text}: no such file or folder")
    return [_job(path, Path(path.stem))]


def _job(file: Path, target: Path) -> Job:
    return Job(_kind(file) or "picture", file, target)


def _kind(file: Path) -> Literal["picture", "video"] | None:
    suffix = file.suffix.lower()
    if suffix in PICTURES:
        return "picture"
    return "video" if suffix in video.SUFFIXES else None
