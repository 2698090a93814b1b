"""Videos and cameras, frame by frame, by PyAV (FFmpeg's libraries)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from edgegan.core.errors import DeviceError, MissingPackageError, UsageError
from edgegan.core.images import convert_channels

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".gif")
CODEC, QUALITY = "libx264", {"crf": "18", "preset": "veryfast"}
DEFAULT_RATE = Fraction(25)


@dataclass(frozen=True)
class Frame:
    """``pixels`` uint8 (H, W, C), ``time`` in the reader's units."""

    pixels: np.ndarray
    time: int | None


class VideoReader:
    """Frames of a video file or a camera, and its sound as it lies there. Use with ``with``."""

    def __init__(self, source: Path | BinaryIO, channels: int, camera: bool = False) -> None:
        self._av = _pyav()
        self._channels = channels
        name = str(source) if isinstance(source, Path) else source
        try:
            self._container = self._av.open(name, format="v4l2" if camera else None)
        except (self._av.FFmpegError, OSError, ValueError) as exc:
            if camera:
                raise DeviceError(f"there is no camera {source} that can be read ({exc})") from exc
            raise UsageError(f"this is no video that can be read ({exc})") from exc
        if not self._container.streams.video:
            self._container.close()
            raise UsageError("this file holds no video")
        self.video = self._container.streams.video[0]
        self.video.thread_type = "AUTO"
        self.audio = next(iter(self._container.streams.audio), None)

    @property
    def rate(self) -> Fraction:
        """Frames a second."""
        return self.video.average_rate or DEFAULT_RATE

    @property
    def count(self) -> int | None:
        """How many frames the file says that it has; None where it does not."""
        return self.video.frames or None

    def items(self) -> Iterator[Any]:
        """Every Frame, and every packet of sound as PyAV has it, in the file's order. Raises UsageError where the
        video ends in the middle, after what was whole."""
        decoded = 0
        try:
            streams = [self.video] if self.audio is None else [self.video, self.audio]
            for packet in self._container.demux(streams):
                if packet.stream is self.audio:
                    if packet.dts is not None:
                        yield packet
                    continue
                for frame in packet.decode():
                    decoded += 1
                    yield Frame(self._pixels(frame), frame.pts)
        except self._av.FFmpegError as exc:
            raise UsageError(f"the video is damaged after {decoded} frames ({exc})") from exc
        if self.count is not None and decoded < self.count:
            raise UsageError(f"the video ends after {decoded} of {self.count} frames")

    def _pixels(self, frame: Any) -> np.ndarray:
        pixels = frame.to_ndarray(format="rgb24")
        turns = round(getattr(frame, "rotation", 0) / 90) % 4
        return convert_channels(np.rot90(pixels, turns) if turns else pixels, self._channels)

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()


class VideoWriter:
    """An MP4 in H.264 with the sound of ``like``. Frames of odd sides get one more row or column."""

    def __init__(self, path: Path, size: tuple[int, int], like: VideoReader) -> None:
        av = _pyav()
        self._av = av
        self._container = av.open(str(path), "w", format="mp4")
        self._video = self._container.add_stream(CODEC, rate=like.rate, options=QUALITY)
        self._video.height, self._video.width = size[0] + size[0] % 2, size[1] + size[1] % 2
        self._video.pix_fmt = "yuv420p"
        self._base = like.video.time_base
        if self._base is not None:
            self._video.codec_context.time_base = self._base
        self._audio, self.notes = None, list[str]()
        if like.audio is not None:
            try:
                self._audio = self._container.add_stream_from_template(like.audio)
            except (av.FFmpegError, ValueError) as exc:
                self.notes.append(f"MP4 does not hold this sound ({exc})")

    def write(self, item: Any) -> None:
        """A Frame of the result's size, or a packet of sound."""
        if isinstance(item, Frame):
            self._write_frame(item)
        elif self._audio is not None:
            item.stream = self._audio
            self._container.mux(item)

    def _write_frame(self, item: Frame) -> None:
        pixels = convert_channels(item.pixels, 3)
        odd = ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0))
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(np.pad(pixels, odd, mode="edge")), format="rgb24")
        if item.time is not None and self._base is not None:
            frame.pts, frame.time_base = item.time, self._base
        for packet in self._video.encode(frame):
            self._container.mux(packet)

    def close(self) -> None:
        for packet in self._video.encode():
            self._container.mux(packet)
        self._container.close()


def _pyav() -> Any:
    try:
        import av
    except ImportError as exc:
        raise MissingPackageError("av", "video", "Reading and writing videos") from exc
    return av
