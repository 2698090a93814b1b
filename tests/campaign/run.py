"""Let mutated files in through every door: ``python -m tests.campaign.run --cases 10000`` prints what came of them by
kind.

Exits 1 where a process was lost, a fault was not told as an error of EdgeGAN's, or anything left its folder. ``--case
N`` lets one in again, with its traceback.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import selectors
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from edgegan.cli.console import ConsoleProgress, table
from tests.campaign import seeds as sound
from tests.campaign.doors import KINDS, drawn
from tests.campaign.worker import SECONDS

ROOT = Path(__file__).parents[2]
OUTCOMES = ("taken", "refused", "fault", "lost", "slow", "escaped")
BAD = ("fault", "lost", "slow", "escaped")


class Worker:
    """A process that lets cases in, started again when one ends it."""

    def __init__(self, seeds: Path, campaign: int) -> None:
        self._command = [sys.executable, "-m", "tests.campaign.worker", str(seeds), str(campaign)]
        self._process: subprocess.Popen[str] | None = None

    def let_in(self, number: int) -> dict[str, Any]:
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(f"{number}\n")
            process.stdin.flush()
        except BrokenPipeError:
            return self._lost(number, "before it began")
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ)
            if not ready.select(2 * SECONDS):
                process.kill()
                return self._lost(number, f"nothing for {2 * SECONDS} s")
        line = process.stdout.readline()
        return json.loads(line) if line else self._lost(number, "")

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                text=True, bufsize=1, cwd=ROOT, env=environment,
            )  # fmt: skip
        return self._process

    def _lost(self, number: int, told: str) -> dict[str, Any]:
        assert self._process is not None
        ended = self._process.wait()
        self._close_pipes()
        return {"number": number, "outcome": "lost", "told": f"the process ended with {ended} {told}".strip()}

    def _close_pipes(self) -> None:
        process, self._process = self._process, None
        for pipe in (process.stdin, process.stdout) if process else ():
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def close(self) -> None:
        process = self._process
        self._close_pipes()
        if process is not None:
            process.wait(2 * SECONDS)


def run(seeds: Path, campaign: int, cases: range, workers: int = 2) -> Iterator[dict[str, Any]]:
    """What came of each case, in their order."""
    idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    for worker in (all_of_them := [Worker(seeds, campaign) for _ in range(workers)]):
        idle.put(worker)

    def let_in(number: int) -> dict[str, Any]:
        worker = idle.get()
        try:
            return {"kind": drawn(campaign, number)[0]} | worker.let_in(number)
        finally:
            idle.put(worker)

    try:
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(let_in, cases)
    finally:
        for worker in all_of_them:
            worker.close()


def counted(rows: list[dict[str, Any]]) -> list[list[str]]:
    """By kind, how many cases had which outcome."""
    counts = {
        kind: Counter(row["outcome"] for row in rows if row["kind"] == kind) for kind in {r["kind"] for r in rows}
    }
    lines = [[kind, *(str(count[o]) for o in OUTCOMES)] for kind, count in sorted(counts.items())]
    whole = Counter(row["outcome"] for row in rows)
    return [*lines, ["all", *(str(whole[o]) for o in OUTCOMES)]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="this one alone, in this process")
    parser.add_argument("--out", type=Path, help="write every case that was neither taken nor refused here, as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seeds = Path(folder)
        sound.make(seeds)
        if given.case is not None:
            return _again(seeds, given.seed, given.case)
        rows = []
        with ConsoleProgress() as progress:
            progress.stage("campaign")
            for row in run(seeds, given.seed, range(given.cases)):
                rows.append(row)
                progress.step(len(rows), given.cases)
    table("what became of mutated files", ["kind", *OUTCOMES], counted(rows))
    bad = [row for row in rows if row["outcome"] in BAD]
    for row in bad[:40]:
        print(f"case {row['number']}, {row['kind']}: {row['outcome']}: {row.get('told', '')} {row.get('where', '')}")
    if given.out is not None:
        given.out.write_text(json.dumps(bad, indent=1) + "\n")
    return 1 if bad else 0


def _again(seeds: Path, campaign: int, number: int) -> int:
    """One case with its traceback, in this process, without anybody watching."""
    name, rng = drawn(campaign, number)
    kind, folder = KINDS[name], seeds / "again"
    folder.mkdir()
    path = kind.change(seeds, folder, rng)
    kind.doors[rng.choice(list(kind.doors))](path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
