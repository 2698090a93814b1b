"""The service among clients that mean no good: ``python -m tests.campaign.soak --minutes 10`` prints what it answered.

Clients that send a byte a second, that hang up, that send nothing, too much, bombs and nonsense, and thousands that
connect at once; beside them one that asks for pictures and compares. Memory is read from /proc: it must be as large
at the end as after the first minute.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import random
import re
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
from PIL import Image

from edgegan.cli.console import table

LEAST_GROWTH_MIB, SHARE = 24.0, 0.15
"""How much larger than after the first minute memory may be: allocators keep some of what many connections took."""
Answers = Counter[str]
Question = tuple[str, bytes]
"""Path and body of a request."""


async def _ask(port: int, head: bytes, body: bytes = b"", seconds: float = 20.0) -> tuple[str, bytes]:
    """Status and body of one request; ``closed`` where the service hung up."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), seconds)
    except OSError as exc:
        return type(exc).__name__, b""
    try:
        writer.write(head + body)
        await writer.drain()
        answer = await asyncio.wait_for(reader.read(), seconds)
    except (OSError, TimeoutError, asyncio.TimeoutError):
        return "closed", b""
    finally:
        writer.close()
    status = re.match(rb"HTTP/1\.1 (\d+)", answer)
    return (status[1].decode() if status else "closed"), answer.partition(b"\r\n\r\n")[2]


def _post(path: str, length: int, more: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n".encode()


async def slow(port: int, rng: random.Random) -> str:
    """A request whose bytes come one by one, and never all."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_post("/images", 4096))
        for _ in range(rng.randrange(3, 12)):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.5)
        return "hung up"
    except OSError:
        return "closed"
    finally:
        writer.close()


async def cut(port: int, rng: random.Random) -> str:
    """Hangs up in the middle of a request, or before it has read the answer."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    body = b'{"count": 16, "seed": 1}'
    writer.write((_post("/images", len(body)) + body)[: rng.randrange(1, 200)])
    await asyncio.sleep(rng.random() * 0.2)
    writer.transport.abort()
    return "hung up"


async def empty(port: int, rng: random.Random) -> str:
    return (await _ask(port, _post(rng.choice(("/images", "/image")), 0)))[0]


async def huge(port: int, rng: random.Random) -> str:
    """Says that it will send more than is taken, or sends it in pieces without saying."""
    if rng.random() < 0.5:
        return (await _ask(port, _post("/images", 1 << 40)))[0]
    head = b"POST /image HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    piece = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    return (await _ask(port, head, piece * 12))[0]


def _bomb(side: int) -> bytes:
    """A PNG of few bytes that would be ``side`` x ``side`` pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(1 << 20)))
        + chunk(b"IEND", b"")
    )


BOMBS = [_bomb(side) for side in (4_000, 30_000, 2_000_000_000)]


async def bomb(port: int, rng: random.Random) -> str:
    body = rng.choice(BOMBS)
    return (await _ask(port, _post("/image", len(body)), body))[0]


JSON = (
    b"{", b"[]", b"null", b'{"count": -1}', b'{"count": 1e9}', b'{"count": "4"}', b'{"seed": 99999999999999999999999}',
    b'{"count": NaN}', b'{"count": 1, "count": 2, "more": 3}', b"[" * 100_000, b'{"seed": ' + b"9" * 5000 + b"}",
    b"\xff\xfe", b'{"truncation": 0}',
)  # fmt: skip


async def hostile_json(port: int, rng: random.Random) -> str:
    body = rng.choice(JSON)
    return (await _ask(port, _post("/images", len(body)), body))[0]


END = b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
NONSENSE = (
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /../../etc/passwd" + END,
    b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000 + b"\r\n",
    b"\r\n\r\n",
    b"DELETE /images" + END,
)


async def nonsense(port: int, rng: random.Random) -> str:
    """Bytes that are no HTTP, headers without end, paths that lead elsewhere."""
    text = rng.choice((rng.randbytes(200), *NONSENSE))
    return (await _ask(port, text, seconds=3.0))[0]


async def crowd(port: int, rng: random.Random) -> str:
    """Some hundred that connect at once, wait, and go."""
    opened = await asyncio.gather(
        *(asyncio.open_connection("127.0.0.1", port) for _ in range(300)), return_exceptions=True
    )
    await asyncio.sleep(rng.random())
    writers = [each[1] for each in opened if not isinstance(each, BaseException)]
    for writer in writers:
        writer.close()
    return "connected" if len(writers) == 300 else f"{len(writers)} connected"


CLIENTS: dict[str, Callable[[int, random.Random], Awaitable[str]]] = {
    "slow": slow, "cut": cut, "empty": empty, "huge": huge, "bomb": bomb, "hostile JSON": hostile_json,
    "nonsense": nonsense, "crowd": crowd,
}  # fmt: skip
WRONG = re.compile(r"5(?!03)\d\d|.*refused", re.I)


SAMPLES: Question = ("/images", b'{"count": 2, "seed": 7}')


def enlarge_me() -> Question:
    """A picture to be drawn from."""
    written = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)).save(written, "PNG")
    return "/image", written.getvalue()


async def honest(port: int, question: Question, wanted: bytes | None) -> tuple[str, bytes]:
    """Asks the same again and again; the answer must be what it was."""
    path, body = question
    status, pictures = await _ask(port, _post(path, len(body)), body)
    if status == "200" and wanted is not None and _pixels(pictures) != _pixels(wanted):
        return "other pictures", pictures
    return status, pictures


def _pixels(content: bytes) -> bytes:
    try:
        return np.asarray(Image.open(io.BytesIO(content))).tobytes()
    except OSError:
        return content


async def besieged(
    port: int, pid: int, question: Question, seconds: float, seed: int
) -> tuple[dict[str, Answers], list[tuple[float, float]]]:
    """What each kind of client was answered, and (seconds, resident MiB) over time."""
    rng, end, answers, memory = random.Random(seed), time.monotonic() + seconds, {}, []
    status, wanted = await honest(port, question, None)
    assert status == "200", status

    async def keep(kind: str) -> None:
        own = random.Random(f"{seed} {kind}")
        while time.monotonic() < end:
            try:
                told = await CLIENTS[kind](port, own)
            except OSError as exc:
                told = type(exc).__name__
            answers.setdefault(kind, Counter())[told] += 1
            await asyncio.sleep(rng.random() * 0.05)

    async def keep_asking() -> None:
        while time.monotonic() < end:
            answers.setdefault("honest", Counter())[(await honest(port, question, wanted))[0]] += 1
            await asyncio.sleep(0.25)

    async def keep_weighing() -> None:
        while (left := end - time.monotonic()) > 0:
            memory.append((seconds - left, _resident_mib(pid)))
            await asyncio.sleep(0.25)

    await asyncio.gather(keep_asking(), keep_weighing(), *(keep(kind) for kind in CLIENTS for _ in range(2)))
    return answers, memory


def _resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024


def soak(
    artifact: Path, seconds: float, question: Question = SAMPLES, seed: int = 0
) -> tuple[dict[str, Answers], list[tuple[float, float]], list[str]]:
    """What was answered, memory over time, and what is wrong with either."""
    command = [sys.executable, "-m", "edgegan.cli.app", "serve", str(artifact), "--port", "0", "--threads", "1",
               "--timeout", "5", "--max-mib", "8", "--max-megapixels", "8"]  # fmt: skip
    with tempfile.TemporaryFile() as said:
        service = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True)
        try:
            assert service.stdout is not None
            line = service.stdout.readline()
            port = int(re.search(r":(\d+)/", line)[1])  # type: ignore[index]
            answers, memory = asyncio.run(besieged(port, service.pid, question, seconds, seed))
            alive = service.poll() is None
        finally:
            service.kill()
            service.communicate()
        said.seek(0)
        tracebacks = said.read().decode(errors="replace").count("Traceback")
    wrong = [] if alive else ["the service ended"]
    wrong += [f"{tracebacks} tracebacks on standard error"] if tracebacks else []
    wrong += [f"{kind}: {status}" for kind, counts in answers.items() for status in counts if WRONG.match(status)]
    wrong += [] if set(answers["honest"]) <= {"200", "503"} else [f"honest: {dict(answers['honest'])}"]
    early = max(mib for at, mib in memory if at <= max(memory[0][0], min(60, seconds / 4)))
    late = np.median([mib for _, mib in memory[-max(1, len(memory) // 10) :]])
    if late > early + max(LEAST_GROWTH_MIB, SHARE * early):
        wrong.append(f"memory grew from {early:.0f} to {late:.0f} MiB")
    return answers, memory, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    given = parser.parse_args()
    from edgegan.compress import compress

    bad = []
    for model, question in (("fashion-dcgan", SAMPLES), ("sr-compact", enlarge_me())):
        with tempfile.TemporaryDirectory() as folder:
            report = compress(model, "mobile", out=folder, precision="int8", fd_samples=0)
            answers, memory, wrong = soak(Path(folder) / report.result["artifact"], 30 * given.minutes, question)
        rows = [[kind, str(sum(counts.values())), json.dumps(counts)] for kind, counts in sorted(answers.items())]
        table(f"what clients of {model} were answered", ["client", "requests", "answers"], rows)
        minutes = sorted({int(at // 60) for at, _ in memory})
        print(
            "resident MiB by minute:", *(f"{np.median([m for at, m in memory if at // 60 == k]):.0f}" for k in minutes)
        )
        bad += [f"{model}: {each}" for each in wrong]
    print("\n".join(bad) or "nothing wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
