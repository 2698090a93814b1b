import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegan.core.deadline import Deadline, parse_duration
from edgegan.core.errors import UsageError


@given(st.integers(1, 10_000), st.sampled_from([("s", 1), ("m", 60), ("h", 3600)]))
def test_durations_are_read(count, unit):
    letter, seconds = unit
    assert parse_duration(f"{count}{letter}", "--time-budget") == count * seconds


@pytest.mark.parametrize("text", ["5", "0s", "-5m", "m", "5d", "5 m 3 s", ""])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UsageError, match="--time-budget"):
        parse_duration(text, "--time-budget")


def test_a_deadline_passes_and_its_share_does_before():
    over = Deadline(10.0, start=0.0)
    assert over.passed and not Deadline().passed and not Deadline(1e6).passed and not Deadline().share(0.5).passed
    assert Deadline(1e6, over.start).share(1e-9).passed
