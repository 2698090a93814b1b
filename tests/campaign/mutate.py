"""Changes to a file: damage as disks and networks do it, and edits as somebody would who means harm."""

from __future__ import annotations

import io
import json
import random
import stat
import zipfile
from collections.abc import Callable

HOSTILE_VALUES = (
    None, True, -1, 0, 2**31, 2**63, 10**30, 1e308, float("nan"), "", "../../escaped", "/escaped", "a" * 100_000, [],
    {}, [[]], "\x00", "’\u202e", {"name": "../escaped"}, [None] * 10_000,
)  # fmt: skip
HOSTILE_NAMES = (
    "../escaped",
    "/tmp/escaped",
    "a/../../escaped",
    "..\\escaped",
    "C:\\escaped",
    "",
    ".",
    "x" * 5000,
    "a\x00b",
)
BOMB = 1 << 28


def flipped(content: bytes, rng: random.Random) -> bytes:
    """Some bits are the other way round."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def flipped_early(content: bytes, rng: random.Random) -> bytes:
    """The same in the first bytes, where formats have their headers and offsets."""
    return flipped(content[:256], rng) + content[256:]


def cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def blanked(content: bytes, rng: random.Random) -> bytes:
    """A stretch of zeros, or of ones."""
    start = rng.randrange(len(content) + 1)
    length = min(len(content) - start, rng.choice((1, 16, 4096)))
    return content[:start] + rng.choice((b"\x00", b"\xff")) * length + content[start + length :]


def swapped(content: bytes, rng: random.Random) -> bytes:
    """Two stretches change places."""
    a, b = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    c, d = sorted(rng.randrange(b, len(content) + 1) for _ in range(2))
    return content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


def grown(content: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(content) + 1)
    return content[:start] + rng.randbytes(rng.choice((1, 7, 4096))) + content[start:]


def edited_numbers(content: bytes, rng: random.Random) -> bytes:
    """An aligned word becomes an extreme one: lengths, offsets, counts."""
    if len(content) < 8:
        return flipped(content, rng)
    start = rng.randrange(len(content) // 4) * 4
    word = rng.choice(
        (b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\x00\x00\x00\x00", b"\x01\x00\x00\x00")
    )
    return content[:start] + word + content[start + 4 :]


BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flipped, flipped_early, cut, blanked, swapped, grown, edited_numbers,
)  # fmt: skip


def damaged(content: bytes, rng: random.Random) -> bytes:
    return rng.choice(BYTES)(content, rng)


def edited_json(content: bytes, rng: random.Random) -> bytes:
    """Some values of a JSON text become hostile ones, or are gone."""
    value = json.loads(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        _edit(value, rng)
    return json.dumps(value).encode()


def _edit(value: object, rng: random.Random) -> None:
    while isinstance(value, dict | list) and value:
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        inner = value[key]  # type: ignore[index]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.7:
            value = inner
            continue
        if isinstance(value, dict) and rng.random() < 0.2:
            del value[key]
        else:
            value[key] = rng.choice(HOSTILE_VALUES)  # type: ignore[index]
        return


def edited_text(content: bytes, rng: random.Random) -> bytes:
    """Lines of a text are doubled, lost, or end otherwise."""
    lines = content.decode(errors="replace").splitlines()
    for _ in range(rng.choice((1, 2, 4))):
        where = rng.randrange(len(lines) + 1)
        ends = ["= [", "= '''", "[[[", '= "\\ud800"', "= 99999999999999999999", "= nan", "= 1979-05-27", "\x00"]
        if where < len(lines) and rng.random() < 0.4:
            del lines[where]
        elif where < len(lines):
            lines[where] = lines[where].split("=")[0] + rng.choice(ends)
        else:
            lines.append(rng.choice(lines or ["a"]))
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def edited_archive(content: bytes, rng: random.Random) -> bytes:
    """Entries are damaged, lost, doubled, renamed to leave the folder, become links, or unpack to far more than they
    are."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [(name, archive.read(name)) for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError):
        return damaged(content, rng)
    index = rng.randrange(len(entries))
    name, data = entries[index]
    links: set[str] = set()
    match rng.randrange(7):
        case 0:
            entries[index] = (name, damaged(data, rng))
        case 1:
            del entries[index]
        case 2:
            entries.append((name, damaged(data, rng)))
        case 3:
            entries[index] = (rng.choice(HOSTILE_NAMES), data)
        case 4:
            entries.append((rng.choice(HOSTILE_NAMES), b"escaped"))
        case 5:
            entries[index] = (name, b"/etc/passwd")
            links.add(name)
        case _:
            entries[index] = (name, bytes(BOMB) if rng.random() < 0.05 else data + bytes(1 << 16))
    if name.endswith(".json") and rng.random() < 0.5:
        entries = [(n, edited_json(d, rng) if n == name and _is_json(d) else d) for n, d in entries]
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED if rng.random() < 0.5 else zipfile.ZIP_STORED) as archive:
        for entry, data in entries:
            info = zipfile.ZipInfo(entry.replace("\x00", "") or "x")
            info.compress_type = archive.compression
            if entry in links:
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, data)
    return damaged(written.getvalue(), rng) if rng.random() < 0.1 else written.getvalue()


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return False
    return True
