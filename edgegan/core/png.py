"""PNG files written with the standard library alone (W3C, PNG specification), so that a device needs no more, and row
by row, so that a picture need not fit into memory."""

from __future__ import annotations

import io
import struct
import zlib
from typing import BinaryIO

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {(1, False): 0, (3, False): 2, (1, True): 4, (3, True): 6}
"""By number of channels without alpha, and whether there is alpha."""
UP = 2
"""The filter of every row: its difference to the row above, modulo 256."""
EXIF_HEADER = b"Exif\x00\x00"
"""What JPEG puts before the data that PNG holds bare."""


def png(image: np.ndarray) -> bytes:
    """uint8 (H, W, C) with C 1 or 3 as a PNG of 8 bits a channel."""
    buffer = io.BytesIO()
    writer = PngWriter(buffer, image.shape[:2], image.shape[2])
    writer.write(image)
    writer.close()
    return buffer.getvalue()


class PngWriter:
    """A PNG of 8 bits a channel into ``stream``, rows as they come.

    ``size`` is (height, width), ``channels`` 1 or 3; with ``alpha`` rows have one more. ``profile``: ICC, ``exif``:
    with or without JPEG's header.
    """

    def __init__(
        self,
        stream: BinaryIO,
        size: tuple[int, int],
        channels: int,
        alpha: bool = False,
        profile: bytes | None = None,
        exif: bytes | None = None,
    ) -> None:
        self._stream, self._size, self._channels = stream, size, channels + alpha
        self._packer = zlib.compressobj(6)
        self._above = np.zeros((1, size[1] * self._channels), np.uint8)
        self._rows = 0
        stream.write(SIGNATURE)
        header = struct.pack(">IIBBBBB", size[1], size[0], 8, COLOUR_TYPES[channels, alpha], 0, 0, 0)
        self._chunk(b"IHDR", header)
        if profile:
            self._chunk(b"iCCP", b"ICC profile\x00\x00" + zlib.compress(profile))
        if exif:
            self._chunk(b"eXIf", exif.removeprefix(EXIF_HEADER))

    def write(self, rows: np.ndarray) -> None:
        """uint8 (h, W, C)."""
        flat = np.ascontiguousarray(rows).reshape(len(rows), self._above.shape[1])
        above = np.concatenate([self._above, flat[:-1]])
        filtered = np.concatenate([np.full((len(flat), 1), UP, np.uint8), flat - above], axis=1)
        self._above, self._rows = flat[-1:].copy(), self._rows + len(flat)
        self._data(self._packer.compress(filtered.tobytes()))

    def close(self) -> None:
        """End the file. Raises ValueError where rows are missing."""
        if self._rows != self._size[0]:
            raise ValueError(f"{self._rows} rows of a picture of {self._size[0]}")
        self._data(self._packer.flush())
        self._chunk(b"IEND", b"")

    def _data(self, packed: bytes) -> None:
        if packed:
            self._chunk(b"IDAT", packed)

    def _chunk(self, kind: bytes, data: bytes) -> None:
        self._stream.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
