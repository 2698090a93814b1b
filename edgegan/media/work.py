"""``edgegan run``: samples into files, or pictures and videos through a generator, with a count of what was done."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from edgegan.core.errors import UsageError
from edgegan.core.progress import Progress
from edgegan.core.wav import write_wav
from edgegan.media import pictures
from edgegan.media.done import Done
from edgegan.media.film import film
from edgegan.media.fit import Fit
from edgegan.media.jobs import Job
from edgegan.runtime.generator import Generator
from edgegan.runtime.stream import stream

AT_ONCE = 1 << 25
"""Output pixels up to which a picture is drawn as a whole, while the one before it is written."""
CHUNK = 16
"""Samples drawn between two looks at the clock."""


def sample(
    generator: Generator,
    count: int,
    seed: int,
    out: Path,
    kind: str,
    progress: Progress,
    truncation: float | None = None,
    fixed: Mapping[str, Any] | None = None,
) -> Done:
    """``count`` samples as ``out/0000.png`` and so on, in the format ``kind``; sounds as WAV."""
    done, began = Done(), time.perf_counter()
    inputs = generator.sample_inputs(count, seed, truncation, **(fixed or {}))
    for start in range(0, count, CHUNK):
        part = {name: value[start : start + CHUNK] for name, value in inputs.items()}
        made = generator.images(part) if is_sound(generator) else generator.pictures(part)
        for offset, one in enumerate(made):
            target = out / f"{start + offset:04d}.{'wav' if is_sound(generator) else kind}"
            if is_sound(generator):
                write_wav(target, one, generator.output_range)
            else:
                pictures.write(target, [one], one.shape[:2], one.shape[2], pictures.Picture(one))
            done.written.append(str(target))
            done.images += 1
        progress.step(done.images, count)
    done.seconds = time.perf_counter() - began
    return done


def is_sound(generator: Generator) -> bool:
    return len(generator.manifest.output_shape) == 2


def translate(
    fit: Fit, jobs: Sequence[Job], out: Path | None, kind: str, progress: Progress, frames: int | None = None
) -> Done:
    """Every job's result below ``out``, pictures in the format ``kind``; to standard output where ``out`` is None.

    What cannot be read is skipped and counted. ``frames``: at most so many of a video or a camera.
    """
    done, began = Done(), time.perf_counter()
    still = [job for job in jobs if job.kind == "picture"]
    channels = fit.generator.image_shape[2]
    for index, (job, result) in enumerate(stream(lambda read: _drawn(fit, read), _read(still, channels))):
        if isinstance(result, UsageError):
            done.skipped.append({"input": job.name, "reason": str(result)})
        else:
            _write_picture(fit, job, result, out, kind, done, progress if len(jobs) == 1 else None)
        if len(jobs) > 1:
            progress.step(index + 1, len(jobs))
    for job in jobs:
        if job.kind != "picture":
            film(fit, job, out, frames, done, progress)
    done.seconds = time.perf_counter() - began
    return done


def _read(jobs: Sequence[Job], channels: int) -> Iterator[tuple[Job, Any]]:
    for job in jobs:
        try:
            source: Path | BinaryIO = job.source or io.BytesIO(sys.stdin.buffer.read())
            yield job, pictures.read(source, channels)
        except UsageError as exc:
            yield job, exc


def _drawn(fit: Fit, read: tuple[Job, Any]) -> tuple[Job, Any]:
    """A picture with its bands: drawn already where it is small, else as they are asked for."""
    job, picture = read
    if isinstance(picture, UsageError):
        return job, picture
    size = fit.size(*picture.pixels.shape[:2])
    bands = fit.bands(picture.pixels)
    return job, (picture, list(bands) if size[0] * size[1] <= AT_ONCE else bands, size)


def _write_picture(
    fit: Fit,
    job: Job,
    drawn: tuple[pictures.Picture, Any, tuple[int, int]],
    out: Path | None,
    kind: str,
    done: Done,
    progress: Progress | None,
) -> None:
    picture, bands, size = drawn
    channels = int(fit.generator.manifest.output_shape[0])
    told = _told(bands, size[0], progress) if progress else bands
    if out is None:
        lost = pictures.write_stream(sys.stdout.buffer, pictures.format_of(kind), told, size, channels, picture)
        sys.stdout.buffer.flush()
        done.written.append("-")
    else:
        target = out / f"{job.target}.{kind}"
        lost = pictures.write(target, told, size, channels, picture)
        done.written.append(str(target))
    done.images += 1
    done.notes += [f"{job.name}: {note}" for note in (*picture.notes, *lost)]


def _told(bands: Any, rows: int, progress: Progress) -> Iterator[np.ndarray]:
    there = 0
    for band in bands:
        there += len(band)
        progress.step(there, rows)
        yield band
