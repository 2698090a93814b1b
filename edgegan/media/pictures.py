"""Picture files of any kind: read upright as 8 bits a channel, written with what belonged to them.

EXIF orientation is applied, an alpha channel is kept apart, 16 bits become 8, CMYK and palettes become RGB, the colour
profile (of RGB and grey pictures) and EXIF data travel to the result where its format takes them.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from edgegan.core.errors import MissingPackageError, UsageError
from edgegan.core.files import atomic_path
from edgegan.core.images import convert_channels
from edgegan.core.png import PngWriter

MOST_PIXELS = 1 << 28
"""Of a picture that is read: 268 million, three bytes each."""
FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "tif": "TIFF", "bmp": "BMP"}
ORIENTATION = 0x0112


@dataclass(frozen=True)
class Picture:
    """``pixels`` uint8 (H, W, C) with C as asked for; ``alpha`` uint8 (H, W) or None; ``notes``: what was lost."""

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    profile: bytes | None = None
    exif: bytes | None = None
    notes: tuple[str, ...] = ()


@dataclass
class _Kept:
    """What is found on the way from a file to pixels."""

    alpha: Any = None
    notes: list[str] = field(default_factory=list)


def read(source: Path | BinaryIO, channels: int, most: int = MOST_PIXELS) -> Picture:
    """A picture with ``channels`` (1 or 3). Raises UsageError where it is none, is cut short, or has more than ``most``
    pixels, which its header tells before any is read."""
    pillow, operations = _pillow()
    try:
        with pillow.open(source) as opened:
            width, height = opened.size
            if width * height > most:
                raise UsageError(f"{width}x{height} pixels; at most {most} are read: make it smaller first")
            profile, exif = opened.info.get("icc_profile"), opened.getexif()
            is_print = opened.mode == "CMYK"
            upright = operations.exif_transpose(opened)
            kept = _Kept()
            pixels = _eight_bits(upright, channels, kept)
    except UsageError:
        raise
    except (OSError, SyntaxError, ValueError, pillow.DecompressionBombError) as exc:
        raise UsageError(f"this is no picture that can be read ({exc})") from exc
    exif.pop(ORIENTATION, None)
    if is_print:
        kept.notes.append("CMYK became RGB without its colour profile")
    fits = profile is not None and not is_print and profile[16:20] == (b"GRAY" if channels == 1 else b"RGB ")
    return Picture(
        pixels=pixels,
        alpha=None if kept.alpha is None else np.asarray(kept.alpha),
        profile=profile if fits else None,
        exif=exif.tobytes() if len(exif) else None,
        notes=tuple(kept.notes),
    )


def _eight_bits(picture: Any, channels: int, kept: _Kept) -> np.ndarray:
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        values = np.asarray(picture).astype(np.float64)
        most = 65535.0 if picture.mode != "F" else max(1.0, float(values.max()))
        kept.notes.append("16 bits a channel became 8")
        grey = np.clip(np.rint(values * (255.0 / most)), 0, 255).astype(np.uint8)[..., None]
        return convert_channels(grey, channels)
    if "transparency" in picture.info or picture.mode in ("LA", "RGBA", "PA", "La", "RGBa"):
        picture = picture.convert("RGBA")
        kept.alpha = picture.getchannel("A")
    array = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
    return array[..., None] if array.ndim == 2 else array


def resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W) or (H, W, C) in ``size`` (height, width), bicubic and antialiased."""
    pillow, _ = _pillow()
    flat = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    if flat.shape[:2] == size:
        return pixels
    out = np.asarray(pillow.fromarray(flat).resize(size[::-1], pillow.Resampling.BICUBIC))
    return out[..., None] if pixels.ndim == 3 and out.ndim == 2 else out


def write(target: Path, bands: Iterable[np.ndarray], size: tuple[int, int], channels: int, like: Picture) -> list[str]:
    """``bands`` of uint8 (h, W, C), ``size`` (H, W) together, to ``target`` by its suffix; alpha, profile and EXIF of
    ``like`` with them. PNG is written as bands come. Returns what the format could not keep."""
    with atomic_path(target) as temporary, temporary.open("wb") as stream:
        return write_stream(stream, format_of(target.suffix), bands, size, channels, like)


def write_stream(
    stream: BinaryIO, kind: str, bands: Iterable[np.ndarray], size: tuple[int, int], channels: int, like: Picture
) -> list[str]:
    """As ``write``, to an open file; ``kind`` is one of FORMATS' values."""
    alpha = None if like.alpha is None else resized(like.alpha, size)
    if kind == "PNG":
        writer = PngWriter(stream, size, channels, alpha is not None, like.profile, like.exif)
        done = 0
        for band in bands:
            rows = slice(done, done + len(band))
            writer.write(band if alpha is None else np.concatenate([band, alpha[rows, :, None]], axis=2))
            done += len(band)
        writer.close()
        return []
    pixels, notes = np.concatenate(list(bands)), []
    if alpha is not None and kind in ("WEBP", "TIFF"):
        pixels = np.concatenate([convert_channels(pixels, 3), alpha[..., None]], axis=2)
    elif alpha is not None:
        notes.append(f"{kind} holds no alpha channel")
    pillow, _ = _pillow()
    kept = {"icc_profile": like.profile, "exif": like.exif} if kind != "BMP" else {}
    flat = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    try:
        pillow.fromarray(flat).save(stream, kind, **{key: value for key, value in kept.items() if value}, **_best(kind))
    except (OSError, ValueError) as exc:
        raise UsageError(f"{size[1]}x{size[0]} pixels as {kind}: {exc}; choose another --format") from exc
    return notes


def _best(kind: str) -> dict[str, Any]:
    return {"quality": 95} if kind in ("JPEG", "WEBP") else {}


def format_of(suffix: str) -> str:
    """Pillow's name of the format that ``suffix`` ("jpg", ".png") stands for. Raises UsageError."""
    name = suffix.lstrip(".").lower()
    name = {"jpeg": "jpg", "tiff": "tif"}.get(name, name)
    if name not in FORMATS:
        raise UsageError(f"--format {suffix}: one of {', '.join(FORMATS)}")
    return FORMATS[name]


def is_picture(content: bytes) -> bool:
    """Whether Pillow knows the format of what begins so."""
    pillow, _ = _pillow()
    try:
        with pillow.open(io.BytesIO(content)):
            return True
    except (OSError, SyntaxError, ValueError, pillow.DecompressionBombError):
        return False


def _pillow() -> tuple[Any, Any]:
    try:
        from PIL import Image, ImageOps
    except ImportError as exc:
        raise MissingPackageError("pillow", "pictures", "Reading and writing pictures") from exc
    return Image, ImageOps
