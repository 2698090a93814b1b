"""``edgegan serve`` under many clients: a small generator, server and clients in processes of their own.

``python -m benchmarks.serve [ARTIFACT]`` prints requests a second one at a time and with 200 clients, p50 and p99, and
every status; ARTIFACT defaults to fashion-dcgan for x86-cpu, compressed here.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.common import publish

CLIENTS, SECONDS, ALONE_SECONDS = 200, 60.0, 10.0
TIMES, ERRORS = 3.0, 0
"""Aims: throughput over that of one request at a time; answers other than 200 and 503."""
BODY = b'{"count": 1, "seed": %d}'
EDGEGAN = str(Path(sys.executable).parent / "edgegan")


async def client(port: int, end: float, seeds: range, times: list[float], statuses: Counter[int]) -> None:
    """One connection that asks again as soon as it is answered; waits as it is told after 503."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for seed in seeds:
        if time.monotonic() >= end:
            break
        body = BODY % seed
        began = time.monotonic()
        writer.write(b"POST /images HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        await reader.readexactly(int(re.search(r"content-length: (\d+)", head, re.I)[1]))  # type: ignore[index]
        status = int(head.split()[1])
        statuses[status] += 1
        if status == 200:
            times.append(time.monotonic() - began)
        elif status == 503:
            await asyncio.sleep(float(re.search(r"retry-after: (\d+)", head, re.I)[1]))  # type: ignore[index]
    writer.close()


async def load(port: int, clients: int, seconds: float) -> dict[str, Any]:
    times: list[float] = []
    statuses: Counter[int] = Counter()
    end = time.monotonic() + seconds
    ranges = [range(i * 10**6, (i + 1) * 10**6) for i in range(clients)]
    await asyncio.gather(*(client(port, end, own, times, statuses) for own in ranges))
    p50, p99 = np.percentile(times, [50, 99]) * 1e3
    return {
        "clients": clients,
        "requests_a_second": statuses[200] / seconds,
        "p50_ms": p50,
        "p99_ms": p99,
        "statuses": {str(code): count for code, count in sorted(statuses.items())},
    }


def clients_of(port: int) -> list[dict[str, Any]]:
    """One at a time, then many; in a process of their own, so that the server's is not theirs."""
    code = (
        f"import asyncio, json, benchmarks.serve as s\nprint(json.dumps([asyncio.run(s.load({port}, c, t)) for c, t in "
    )
    code += f"((1, {ALONE_SECONDS}), ({CLIENTS}, {SECONDS}))]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def main() -> None:
    with TemporaryDirectory() as folder:
        artifact = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "g.tflite"
        if len(sys.argv) == 1:
            command = [EDGEGAN, "compress", "fashion-dcgan", "--target", "mobile", "--precision", "int8"]
            subprocess.run([*command, "--fd-samples", "0", "--out", folder], check=True, capture_output=True)
        serve = [EDGEGAN, "serve", str(artifact), "--port", "0", "--workers", "2", "--threads", "2"]
        server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            port = int(re.search(r":(\d+)/", server.stdout.readline())[1])  # type: ignore[index]
            time.sleep(2)
            row: dict[str, Any] = {"artifact": artifact.name, "loads": clients_of(port)}
        finally:
            server.terminate()
            server.wait(20)
    alone, many = row["loads"]
    ratio = many["requests_a_second"] / alone["requests_a_second"]
    others = sum(count for code, count in many["statuses"].items() if code not in ("200", "503"))
    columns = ["clients", "requests/s", "p50 ms", "p99 ms", "statuses"]
    cells = [
        [str(r["clients"]), f"{r['requests_a_second']:.0f}", f"{r['p50_ms']:.1f}", f"{r['p99_ms']:.1f}",
         ", ".join(f"{code}: {count}" for code, count in r["statuses"].items())]
        for r in (alone, many)
    ]  # fmt: skip
    verdicts = {
        f"{ratio:.2f} times the throughput of one at a time (aim: {TIMES})": ratio >= TIMES,
        f"{others} answers other than 200 and 503 (aim: {ERRORS})": others == ERRORS,
    }
    publish("serve", f"edgegan serve {row['artifact']}", columns, cells, row, verdicts)


if __name__ == "__main__":
    main()
