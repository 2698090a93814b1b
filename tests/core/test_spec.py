import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegan.core.errors import UsageError
from edgegan.core.spec import parse_input


@given(st.lists(st.integers(1, 512), min_size=1, max_size=4))
def test_a_latent_is_read_back_as_written(shape):
    assert parse_input("latent:" + "x".join(map(str, shape)), "z").shape == tuple(shape)


def test_every_kind():
    assert parse_input("image:3x64x32@0,1", "x").range == (0.0, 1.0)
    assert parse_input("image:3x64x32", "x").range == (-1.0, 1.0)
    assert parse_input("latent:8@0.7", "z").truncation == 0.7 and parse_input("latent:8", "z").truncation is None
    label = parse_input("label:10", "y")
    assert (label.shape, label.classes, label.dtype) == ((), 10, "int64")
    assert parse_input("onehot:10", "y").shape == (10,)


@pytest.mark.parametrize(
    "text",
    [
        "banana:8",
        "latent",
        "latent:",
        "latent:8x",
        "latent:0",
        "latent:8@0,1",
        "latent:8@-1",
        "latent:8@0",
        "latent:8@nan",
        "label:8@1",
        "image:64x64",
        "image:3x8x8@1,0",
        "image:3x8x8@a,b",
        "label:2x2",
        "latent:-3",
    ],
)
def test_what_does_not_parse_is_named(text):
    with pytest.raises(UsageError, match=text.split("@")[0][:6]):
        parse_input(text, "z")
