"""Reading, inference and writing at the same time: each in a thread of its own, a few items ahead of the next."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")
DEPTH = 2
"""Items that wait between two stages."""
WAIT = 0.1
"""Seconds after which a stage that waits for room looks whether anybody still wants its items."""


def stream(draw: Callable[[A], B], items: Iterable[A], depth: int = DEPTH) -> Iterator[B]:
    """``draw`` of every item, in order: items are read in one thread and drawn in another while the caller uses the
    last. What either raises is raised here; leaving the loop ends both."""
    return ahead(_drawn(draw, ahead(items, depth)), depth)


def _drawn(draw: Callable[[A], B], items: Generator[A, None, None]) -> Iterator[B]:
    try:
        for item in items:
            yield draw(item)
    finally:
        items.close()


def ahead(items: Iterable[A], depth: int = DEPTH) -> Generator[A, None, None]:
    """``items``, taken from their source in a thread, at most ``depth`` of them before they are asked for."""
    waiting: queue.Queue[tuple[bool, Any]] = queue.Queue(depth)
    unwanted = threading.Event()

    def offer(is_last: bool, value: Any) -> bool:
        while not unwanted.is_set():
            try:
                waiting.put((is_last, value), timeout=WAIT)
                return True
            except queue.Full:
                continue
        return False

    def read() -> None:
        source = iter(items)
        end: BaseException | None = None
        try:
            for item in source:
                if not offer(False, item):
                    break
        except BaseException as exc:
            end = exc
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()
        offer(True, end)

    reader = threading.Thread(target=read, name="ahead", daemon=True)
    reader.start()
    try:
        while True:
            is_last, value = waiting.get()
            if not is_last:
                yield value
            elif value is not None:
                raise value
            else:
                return
    finally:
        unwanted.set()
        reader.join()
