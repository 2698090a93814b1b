"""Reading and writing pictures: IDX files, NumPy archives, folders; always uint8 (N, H, W, C)."""

from __future__ import annotations

import gzip
import io
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.core.arrays import array_of, opened
from edgegan.core.errors import MissingPackageError, UsageError
from edgegan.core.files import write_bytes
from edgegan.core.png import png

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".pgm")
BORDER = 0.2
"""Share of a side that may be missing for a picture to be given a border, as 28x28 is to make 32x32."""


def read_images(
    path: Path | str, size: tuple[int, int] | None = None, channels: int | None = None, limit: int | None = None
) -> np.ndarray:
    """Images of an IDX file (``.gz`` or not), an ``.npz``/``.npy`` in NCHW or NHWC, or a folder: uint8 (N, H, W, C).

    ``size`` (height, width): pictures are resized and centre-cropped to it; those of arrays that lack no more than
    BORDER of it are padded evenly with black instead. ``channels``: 1 or 3, converted by repetition or luma. ``limit``:
    the first so many.
    Raises UsageError naming the path.
    """
    path = Path(path)
    if not path.exists():
        raise UsageError(f"--data {path}: no such file or folder")
    if path.is_dir():
        return _read_folder(path, size, channels, limit)
    name = path.name.lower()
    if "idx" in name and (name.endswith(("ubyte", "ubyte.gz", ".idx", ".idx.gz"))):
        images = read_idx(path)
    elif name.endswith((".npz", ".npy")):
        images = _read_numpy(path)
    else:
        raise UsageError(f"--data {path}: give a folder of images, an .npz or .npy array, or an IDX file")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or not len(images):
        raise UsageError(
            f"--data {path}: expected (N,H,W), (N,H,W,C) or (N,C,H,W) with N > 0, found shape {images.shape}"
        )
    if images.shape[-1] not in (1, 3) and images.shape[1] in (1, 3):
        images = images.transpose(0, 2, 3, 1)
    if images.shape[-1] not in (1, 3):
        raise UsageError(f"--data {path}: images have {images.shape[-1]} channels; 1 or 3 are understood")
    images = _to_uint8(images[:limit], path)
    return _fit(convert_channels(images, channels), size)


def read_idx(path: Path | str) -> np.ndarray:
    """An IDX file (the MNIST format), gzipped or not, as uint8 of its own shape."""
    raw = Path(path).read_bytes()
    try:
        data = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as exc:
        raise UsageError(f"{path}: the gzip data is damaged ({exc})") from exc
    if len(data) < 4 or data[:3] != b"\x00\x00\x08":
        raise UsageError(f"{path}: not an IDX file of unsigned bytes")
    rank = data[3]
    if len(data) < 4 + 4 * rank:
        raise UsageError(f"{path}: the header of {rank} sizes is cut short")
    shape = tuple(int(d) for d in np.frombuffer(data, ">u4", rank, 4))
    body = np.frombuffer(data, np.uint8, offset=4 + 4 * rank)
    if body.size != math.prod(shape):
        raise UsageError(f"{path}: the header promises {shape}, the file holds {body.size} bytes")
    return body.reshape(shape)


def _read_numpy(path: Path) -> np.ndarray:
    with opened(path) as loaded:
        if isinstance(loaded, np.ndarray):
            return loaded
        names = loaded.files
        key = "images" if "images" in names else next((n for n in names if array_of(loaded, n).ndim in (3, 4)), None)
        if key is None:
            raise UsageError(f"--data {path}: no array of images among {names}")
        return array_of(loaded, key)


def _to_uint8(images: np.ndarray, path: Path) -> np.ndarray:
    if images.dtype == np.uint8:
        return images
    if not np.issubdtype(images.dtype, np.floating):
        raise UsageError(f"--data {path}: {images.dtype} values; give uint8, or floats in 0..1 or -1..1")
    if not np.isfinite(images).all():
        raise UsageError(f"--data {path}: holds NaN or infinite values")
    low, high = float(images.min()), float(images.max())
    if low < -1.001 or high > 1.001:
        raise UsageError(f"--data {path}: float values span {low:g}..{high:g}; give uint8, or floats in 0..1 or -1..1")
    scaled = images * 255.0 if low >= 0 else (images + 1.0) * 127.5
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def convert_channels(images: np.ndarray, channels: int | None) -> np.ndarray:
    """uint8 (..., C) with C 1 or 3 in ``channels`` channels: grey repeated, colour as luma."""
    if channels is None or images.shape[-1] == channels:
        return images
    if channels == 3:
        return images.repeat(3, axis=-1)
    luma = images.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.clip(np.rint(luma), 0, 255).astype(np.uint8)[..., None]


def _fit(images: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """uint8 (N, H, W, C) in ``size``: padded with black where little is missing, as 28x28 to 32x32; else resized."""
    if size is None or images.shape[1:3] == size:
        return images
    missing = [want - have for want, have in zip(size, images.shape[1:3], strict=True)]
    if min(missing) < 0 or any(each > BORDER * side for each, side in zip(missing, size, strict=True)):
        return np.stack([resized(picture, size) for picture in images])
    pads = [(m // 2, m - m // 2) for m in missing]
    return np.pad(images, ((0, 0), *pads, (0, 0)))


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as exc:
        raise MissingPackageError("pillow", "compress", "Reading and writing image files") from exc
    return Image


def _read_folder(path: Path, size: tuple[int, int] | None, channels: int | None, limit: int | None) -> np.ndarray:
    files = image_files(path)[:limit]
    arrays, broken = [], []
    for file in files:
        try:
            arrays.append(read_picture(file, size, channels))
        except UsageError as exc:
            broken.append(str(exc))
    refuse_broken(path, len(files), broken)
    if len({a.shape for a in arrays}) > 1:
        raise UsageError(f"--data {path}: images of different sizes, and no size to bring them to")
    return np.stack(arrays)


def image_files(path: Path) -> list[Path]:
    """The image files in a folder and below, sorted; UsageError where there are none."""
    files = sorted(f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES)
    if not files:
        raise UsageError(f"--data {path}: no images ({', '.join(SUFFIXES)}) in this folder")
    return files


def refuse_broken(path: Path, count: int, broken: list[str], share: float = 0.1) -> None:
    """UsageError where more than ``share`` of a folder's ``count`` files cannot be read."""
    if len(broken) > count * share:
        raise UsageError(f"--data {path}: {len(broken)} of {count} images cannot be read, first {broken[0]}")


def read_picture(file: Path, size: tuple[int, int] | None = None, channels: int | None = None) -> np.ndarray:
    """One image file as uint8 (H, W, C), resized and centre-cropped to ``size`` (height, width). UsageError where it is
    broken."""
    image = _pillow()
    try:
        with image.open(file) as picture:
            array = np.asarray(_resize_and_crop(picture.convert("L" if channels == 1 else "RGB"), size, image))
    except (OSError, SyntaxError, ValueError, image.DecompressionBombError) as exc:
        raise UsageError(f"{file.name} ({exc})") from exc
    return array[..., None] if array.ndim == 2 else array


def _resize_and_crop(picture: Any, size: tuple[int, int] | None, image: Any) -> Any:
    if size is None or (picture.height, picture.width) == size:
        return picture
    scale = max(size[0] / picture.height, size[1] / picture.width)
    width, height = max(size[1], round(picture.width * scale)), max(size[0], round(picture.height * scale))
    picture = picture.resize((width, height), image.Resampling.BICUBIC)
    left, top = (width - size[1]) // 2, (height - size[0]) // 2
    return picture.crop((left, top, left + size[1], top + size[0]))


def decode_image(content: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """A picture in any format that Pillow reads, resized and centre-cropped: uint8 (H, W, C) = ``shape``. Raises
    UsageError."""
    image = _pillow()
    try:
        with image.open(io.BytesIO(content)) as picture:
            converted = picture.convert("L" if shape[2] == 1 else "RGB")
            array = np.asarray(_resize_and_crop(converted, shape[:2], image))
    except (OSError, SyntaxError, ValueError, image.DecompressionBombError) as exc:
        raise UsageError(f"this is no picture that can be read ({type(exc).__name__})") from exc
    return array.reshape(shape)


def resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W, C) resized (bicubic, antialiased) and centre-cropped to ``size`` (height, width)."""
    image = _pillow()
    array = np.asarray(
        _resize_and_crop(image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture), size, image)
    )
    return array.reshape(*size, picture.shape[-1])


def write_png(path: Path | str, image: np.ndarray) -> None:
    """uint8 (H, W, C) with C 1 or 3 to a PNG, whole or not at all."""
    write_bytes(Path(path), png(image))


def grid(images: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """uint8 (N, H, W, C) -> one (rows*(H+gap)+gap, columns*(W+gap)+gap, C) sheet on white."""
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, channels), 255, np.uint8)
    for i, image in enumerate(images):
        top, left = gap + (i // columns) * (height + gap), gap + (i % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def enlarged(images: np.ndarray, least_side: int) -> np.ndarray:
    """uint8 (N, H, W, C) repeated by a whole number, so that both sides reach ``least_side``."""
    factor = max(1, -(-least_side // min(images.shape[1:3])))
    return images.repeat(factor, axis=1).repeat(factor, axis=2)
