"""Recurrent layers as linear layers and gates, one after the other for each step that the input has: no backend's int8
has them whole, and the programs of several not at all. Sequences by PyTorch's own rules, single cells by the equations
of its documentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch._decomp import get_decompositions
from torch.nn.functional import linear

from edgegan.graph.operators import aten


def _gates(given: torch.Tensor, kept: torch.Tensor, weights: tuple[Any, ...], count: int) -> list[list[torch.Tensor]]:
    """What either asks of each of ``count`` gates."""
    own, before, own_bias, before_bias = (*weights, None, None)[:4]
    both = linear(given, own, own_bias), linear(kept, before, before_bias)
    return [list(part.chunk(count, -1)) for part in both]


def lstm_cell(
    given: torch.Tensor, state: Sequence[torch.Tensor], *weights: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, features) and the hidden and the cell's state, (N, hidden) each -> both after the step (Hochreiter and
    Schmidhuber 1997)."""
    kept, cell = state
    into, forget, new, out = (a + b for a, b in zip(*_gates(given, kept, weights, 4), strict=True))
    cell = forget.sigmoid() * cell + into.sigmoid() * new.tanh()
    return out.sigmoid() * cell.tanh(), cell


def gru_cell(given: torch.Tensor, kept: torch.Tensor, *weights: torch.Tensor | None) -> torch.Tensor:
    """(N, features) and the state (N, hidden) -> the state after the step (Cho et al. 2014, arXiv:1406.1078)."""
    (reset, update, new), (reset_kept, update_kept, new_kept) = _gates(given, kept, weights, 3)
    candidate = (new + (reset + reset_kept).sigmoid() * new_kept).tanh()
    return candidate + (update + update_kept).sigmoid() * (kept - candidate)


def rnn_tanh_cell(given: torch.Tensor, kept: torch.Tensor, *weights: torch.Tensor | None) -> torch.Tensor:
    """(N, features) and the state (N, hidden) -> the state after the step (Elman 1990)."""
    ((own,), (before,)) = _gates(given, kept, weights, 1)
    return (own + before).tanh()


def rnn_relu_cell(given: torch.Tensor, kept: torch.Tensor, *weights: torch.Tensor | None) -> torch.Tensor:
    """``rnn_tanh_cell`` with a rectifier."""
    ((own,), (before,)) = _gates(given, kept, weights, 1)
    return (own + before).relu()


DECOMPOSITIONS: dict[Any, Callable[..., Any]] = {
    **get_decompositions((aten.lstm.input, aten.gru.input, aten.rnn_tanh.input, aten.rnn_relu.input)),
    aten.lstm_cell.default: lstm_cell,
    aten.gru_cell.default: gru_cell,
    aten.rnn_tanh_cell.default: rnn_tanh_cell,
    aten.rnn_relu_cell.default: rnn_relu_cell,
}
