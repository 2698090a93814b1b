"""Recurrent layers as linear layers and gates, one after the other for each step that the input has: no backend's int8
has them whole. Sequences by PyTorch's own rules, single cells by the equations
of its documentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch._decomp import get_decompositions
from torch.nn.functional import linear

from edgegan.graph.operators import aten


def _asked(
    given: torch.Tensor, kept: torch.Tensor, weights: tuple[torch.Tensor | None, ...]
) -> tuple[torch.Tensor, torch.Tensor]:
    """What is given and what was kept ask of the gates, (N, gates x hidden) each; ``weights`` of either, then their
    biases where there are some."""
    own, before, own_bias, before_bias = (*weights, None, None)[:4]
    assert own is not None and before is not None
    return linear(given, own, own_bias), linear(kept, before, before_bias)


def lstm_cell(
    given: torch.Tensor, state: Sequence[torch.Tensor], *weights: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, features) and the hidden and the cell's state, (N, hidden) each -> both after the step (Hochreiter and
    Schmidhuber 1997)."""
    kept, cell = state
    into, forget, new, out = torch.add(*_asked(given, kept, weights)).chunk(4, -1)
    cell = forget.sigmoid() * cell + into.sigmoid() * new.tanh()
    return out.sigmoid() * cell.tanh(), cell


def gru_cell(given: torch.Tensor, kept: torch.Tensor, *weights: torch.Tensor | None) -> torch.Tensor:
    """(N, features) and the state (N, hidden) -> the state after the step (Cho et al. 2014, arXiv:1406.1078)."""
    (reset, update, new), (reset_kept, update_kept, new_kept) = (
        part.chunk(3, -1) for part in _asked(given, kept, weights)
    )
    candidate = (new + (reset + reset_kept).sigmoid() * new_kept).tanh()
    return candidate + (update + update_kept).sigmoid() * (kept - candidate)


def rnn_cell(
    activation: Callable[[torch.Tensor], torch.Tensor],
    given: torch.Tensor,
    kept: torch.Tensor,
    *weights: torch.Tensor | None,
) -> torch.Tensor:
    """(N, features) and the state (N, hidden) -> the state after the step (Elman 1990)."""
    return activation(torch.add(*_asked(given, kept, weights)))


DECOMPOSITIONS: dict[Any, Callable[..., Any]] = {
    **get_decompositions((aten.lstm.input, aten.gru.input, aten.rnn_tanh.input, aten.rnn_relu.input)),
    aten.lstm_cell.default: lstm_cell,
    aten.gru_cell.default: gru_cell,
    aten.rnn_tanh_cell.default: partial(rnn_cell, torch.tanh),
    aten.rnn_relu_cell.default: partial(rnn_cell, torch.relu),
}
