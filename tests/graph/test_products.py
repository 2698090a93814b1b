"""Products of what the network computes, in the forms that LiteRT takes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from edgegan.graph.editing import is_call
from edgegan.graph.operators import aten
from edgegan.graph.passes.computed_kernels import computed_kernels
from edgegan.graph.passes.transposed_products import transposed_products
from tests.graph.drawn import Code, rewritten, same_after

few = settings(max_examples=25, deadline=None)
STEPS, TAPS = st.integers(1, 3), st.integers(1, 4)


@few
@given(STEPS, STEPS, TAPS, TAPS, st.integers(0, 2), st.booleans())
def test_convolutions_by_computed_kernels(
    down: int, across: int, high: int, wide: int, padding: int, is_transposed: bool
) -> None:
    if is_transposed and (padding >= min(high, wide) or padding > 1):
        return
    torch.manual_seed(0)
    convolve = F.conv_transpose2d if is_transposed else F.conv2d

    def body(x: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        kernels = torch.tanh(x[:, :2, :high, :wide].reshape(1, 2, high, wide) * c)
        kernels = kernels.repeat(2, 1, 1, 1) if is_transposed else kernels.repeat(3, 1, 1, 1)
        drawn: torch.Tensor = convolve(x[:, :2], kernels, stride=(down, across), padding=padding)
        return drawn

    module = Code(body, constant=torch.randn(1, dtype=torch.float64)).eval()
    left, count = same_after(module, (1, 3, 6, 7), step=computed_kernels)
    assert count == 1 and not any(
        is_call(n, aten.conv2d.default, aten.conv_transpose2d.input) for n in left.graph.nodes
    )


@pytest.mark.parametrize(
    "turn", [lambda x: x.transpose(1, 2), lambda x: x.transpose(-1, 1), lambda x: x.permute(0, 2, 1)]
)
def test_a_transposition_before_a_product_is_a_pictures(turn) -> None:
    module = Code(lambda x: turn(x[:, 0]) @ x[:, 1]).eval()
    left, count = rewritten(module, (1, 2, 4, 5), step=transposed_products)
    x = torch.randn(1, 2, 4, 5)
    assert count == 1 and torch.equal(module(x), left(x))
