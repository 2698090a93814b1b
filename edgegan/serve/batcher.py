"""Requests that come together are drawn together, by as many sessions as there are workers.

A worker takes the first request that waits, gives others a few milliseconds to come, and draws all of them at once, up
to so many pictures. Where more wait than is allowed, new ones are refused, so that those that wait are served in time.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from edgegan.core.errors import GeneratorError
from edgegan.runtime.generator import Generator
from edgegan.serve.metrics import Metrics

T = TypeVar("T")
WAIT_S = 0.002
"""How long the first of a batch waits for others."""
MOST_TOGETHER = 64
"""Pictures that are drawn at once."""
RETRY_S = 1


class Busy(GeneratorError):
    """More waits than is allowed; the caller may try again after RETRY_S seconds."""


@dataclass
class _Waiting:
    inputs: dict[str, np.ndarray]
    count: int
    answer: asyncio.Future[np.ndarray]
    since: float = field(default_factory=time.monotonic)


class Batcher:
    """``generators``: a session for each worker. ``most_waiting``: pictures that may wait, of all requests together.
    Use ``start`` in the event loop, ``stop`` at the end."""

    def __init__(self, generators: Sequence[Generator], metrics: Metrics, most_waiting: int) -> None:
        self._generators, self._metrics, self._most = list(generators), metrics, most_waiting
        self._waiting: deque[_Waiting] = deque()
        self._pictures = 0
        self._came: asyncio.Event | None = None
        self._threads = ThreadPoolExecutor(len(self._generators), thread_name_prefix="draw")
        self._workers: list[asyncio.Task[None]] = []
        self._free: asyncio.Queue[Generator] = asyncio.Queue()

    async def start(self) -> None:
        self._came = asyncio.Event()
        for generator in self._generators:
            self._free.put_nowait(generator)
        self._workers = [asyncio.create_task(self._work()) for _ in self._generators]

    async def stop(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._threads.shutdown(wait=True)

    async def draw(self, inputs: dict[str, np.ndarray], count: int) -> np.ndarray:
        """Pictures for ``count`` samples, uint8 (N, H, W, C). Raises Busy."""
        self._refuse_beyond(count)
        waiting = _Waiting(inputs, count, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._pictures += count
        self._metrics.waiting.set(self._pictures)
        assert self._came is not None
        self._came.set()
        return await waiting.answer

    async def alone(self, work: Callable[[Generator], T], pictures: int = 1) -> T:
        """``work(generator)`` in a thread, on a session that nobody else uses meanwhile; work that was given up keeps
        its session until it ends. Raises Busy."""
        self._refuse_beyond(pictures)
        self._pictures += pictures
        try:
            generator = await self._free.get()
            began = time.monotonic()
            working = asyncio.get_running_loop().run_in_executor(self._threads, work, generator)

            def done(_: asyncio.Future[T]) -> None:
                self._metrics.drawing.inc(time.monotonic() - began)
                self._free.put_nowait(generator)

            working.add_done_callback(done)
            return await asyncio.shield(working)
        finally:
            self._pictures -= pictures

    def _refuse_beyond(self, count: int) -> None:
        if self._pictures and self._pictures + count > self._most:
            self._metrics.refused.inc()
            raise Busy(f"{self._pictures} pictures wait already; try again in {RETRY_S} s")

    async def _work(self) -> None:
        while True:
            batch = await self._next()
            generator = await self._free.get()
            try:
                await self._answer(generator, batch)
            finally:
                self._free.put_nowait(generator)

    async def _next(self) -> list[_Waiting]:
        """The first that waits, and what comes within WAIT_S of it, up to MOST_TOGETHER pictures."""
        assert self._came is not None
        while not self._waiting:
            self._came.clear()
            await self._came.wait()
        left = self._waiting[0].since + WAIT_S - time.monotonic()
        if left > 0 and sum(w.count for w in self._waiting) < MOST_TOGETHER:
            await asyncio.sleep(left)
        batch: list[_Waiting] = []
        pictures = 0
        while self._waiting and (not batch or pictures + self._waiting[0].count <= MOST_TOGETHER):
            batch.append(self._waiting.popleft())
            pictures += batch[-1].count
        return batch or await self._next()

    async def _answer(self, generator: Generator, batch: list[_Waiting]) -> None:
        wanted = [waiting for waiting in batch if not waiting.answer.cancelled()]
        names = [spec.name for spec in generator.inputs]
        total = sum(waiting.count for waiting in batch)
        try:
            if wanted:
                inputs = {name: np.concatenate([waiting.inputs[name] for waiting in wanted]) for name in names}
                began = time.monotonic()
                pictures = await asyncio.get_running_loop().run_in_executor(self._threads, generator.pictures, inputs)
                self._metrics.drawing.inc(time.monotonic() - began)
                self._metrics.together.observe(len(pictures))
                place = 0
                for waiting in wanted:
                    if not waiting.answer.done():
                        waiting.answer.set_result(pictures[place : place + waiting.count])
                    place += waiting.count
        except Exception as exc:
            for waiting in wanted:
                if not waiting.answer.done():
                    waiting.answer.set_exception(exc)
        finally:
            self._pictures -= total
            self._metrics.waiting.set(self._pictures)
