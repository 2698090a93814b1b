import threading

import pytest

from edgegan.runtime.stream import ahead, stream


def test_items_come_in_order():
    assert list(stream(lambda n: n * n, range(100))) == [n * n for n in range(100)]


def test_the_next_is_read_and_drawn_while_the_last_is_used():
    drawn = [threading.Event() for _ in range(3)]

    def draw(index):
        drawn[index].set()
        return index

    results = stream(draw, range(3))
    assert next(results) == 0
    assert drawn[1].wait(10), "the second was not drawn before it was asked for"
    assert list(results) == [1, 2]


@pytest.mark.parametrize("where", ["reading", "drawing"])
def test_errors_arrive_after_what_was_whole(where):
    def items():
        yield from (1, 2)
        if where == "reading":
            raise ValueError("reading")
        yield 3

    def draw(item):
        if item == 3:
            raise ValueError("drawing")
        return item

    seen = []
    with pytest.raises(ValueError, match=where):
        for item in stream(draw, items()):
            seen.append(item)
    assert seen == [1, 2]


def test_leaving_early_ends_threads_and_closes_the_source():
    closed = threading.Event()

    def endless():
        try:
            while True:
                yield 1
        finally:
            closed.set()

    before = threading.active_count()
    results = stream(lambda item: item, endless())
    next(results)
    results.close()
    assert closed.wait(10) and threading.active_count() == before


def test_no_more_than_asked_for_is_held():
    taken = []

    def items():
        for index in range(100):
            taken.append(index)
            yield index

    held = ahead(items(), depth=3)
    next(held)
    assert len(taken) <= 6
    held.close()
