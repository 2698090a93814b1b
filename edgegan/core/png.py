"""PNG files written with the standard library alone (W3C, PNG specification), so that a device needs no more."""

from __future__ import annotations

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR = 0, 2
UP = 2
"""The filter of every row: its difference to the row above, modulo 256."""


def png(image: np.ndarray) -> bytes:
    """uint8 (H, W, C) with C 1 or 3 as a PNG of 8 bits a channel."""
    height, width, channels = image.shape
    rows = np.ascontiguousarray(image).reshape(height, width * channels)
    above = np.concatenate([np.zeros_like(rows[:1]), rows[:-1]])
    filtered = np.concatenate([np.full((height, 1), UP, np.uint8), rows - above], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, GREY if channels == 1 else COLOUR, 0, 0, 0)
    return SIGNATURE + b"".join(
        [_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(filtered.tobytes(), 6)), _chunk(b"IEND", b"")]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
