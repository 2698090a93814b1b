"""A video or a camera through a generator: frames are read in one thread, drawn in a second, written in a third."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.core.errors import UsageError
from edgegan.core.files import atomic_path
from edgegan.core.progress import Progress
from edgegan.media.done import Done
from edgegan.media.fit import Fit
from edgegan.media.jobs import Job
from edgegan.media.video import Frame, VideoReader, VideoWriter
from edgegan.runtime.stream import stream


def film(fit: Fit, job: Job, out: Path | None, most: int | None, done: Done, progress: Progress) -> None:
    """``job``'s video as an MP4 below ``out``, at most ``most`` frames; told in ``done``. A camera ends with Ctrl-C;
    what there is until then is kept."""
    if out is None:
        raise UsageError("a video is not written to standard output; give --out DIR")
    assert job.source is not None
    target = out / f"{job.target}.mp4"
    try:
        with (
            VideoReader(job.source, fit.generator.image_shape[2], job.kind == "camera") as reader,
            atomic_path(target) as temporary,
        ):
            frames = _Copy(fit, reader, temporary, job, done, progress).frames(most)
    except UsageError as exc:
        done.skipped.append({"input": job.name, "reason": str(exc)})
        return
    done.written.append(str(target))
    done.images += frames


class _Copy:
    def __init__(self, fit: Fit, reader: VideoReader, path: Path, job: Job, done: Done, progress: Progress) -> None:
        self.fit, self.reader, self.path, self.job, self.done, self.progress = fit, reader, path, job, done, progress
        self.writer: VideoWriter | None = None
        self.early: list[Any] = []
        """Sound that comes before the first frame, whose size the writer must know."""

    def frames(self, most: int | None) -> int:
        """How many were written; of a video that ends in the middle, those that are whole. UsageError where none is."""
        count, expected = 0, most or self.reader.count or 0
        broken: UsageError | None = None
        try:
            for item in stream(self._drawn, _first(self.reader.items(), most)):
                self._write(item)
                if isinstance(item, Frame):
                    count += 1
                    self.progress.step(count, max(count, expected))
        except UsageError as exc:
            broken = exc
        except KeyboardInterrupt:
            if self.job.kind != "camera":
                raise
        finally:
            if self.writer is not None:
                self.writer.close()
        if self.writer is None:
            raise broken or UsageError("the video holds no frame")
        self.done.notes += self.writer.notes
        if broken is not None:
            self.done.skipped.append({"input": self.job.name, "reason": f"{broken}; what was whole is written"})
        return count

    def _drawn(self, item: Any) -> Any:
        if not isinstance(item, Frame):
            return item
        return Frame(np.concatenate(list(self.fit.bands(item.pixels))), item.time)

    def _write(self, item: Any) -> None:
        if self.writer is None:
            if not isinstance(item, Frame):
                self.early.append(item)
                return
            self.writer = VideoWriter(self.path, item.pixels.shape[:2], self.reader)
            for packet in self.early:
                self.writer.write(packet)
        self.writer.write(item)


def _first(items: Iterator[Any], most: int | None) -> Iterator[Any]:
    """``items`` up to so many frames."""
    frames = 0
    for item in items:
        frames += isinstance(item, Frame)
        if most is not None and frames > most:
            return
        yield item
