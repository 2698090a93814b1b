"""Which operators of a LiteRT file are meant, by the names of what they give."""

import re

from hypothesis import given
from hypothesis import strategies as st

from edgegan.quantize.litert import _any_of


@given(st.lists(st.text(min_size=1), min_size=1, unique=True), st.text())
def test_one_pattern_takes_those_names_and_no_other(names, other):
    pattern = re.compile(_any_of(names))
    assert all(pattern.search(f"{name};") for name in names)
    assert bool(pattern.search(f"{other};")) == (other in names)
