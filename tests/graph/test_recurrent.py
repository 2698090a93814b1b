"""Recurrent layers as linear ones and gates, against PyTorch's own kernels."""

import pytest
import torch
from torch import nn

from edgegan.graph.editing import is_call, may_draw
from edgegan.graph.operators import aten
from edgegan.graph.trace import functional

SEQUENCES = {
    "lstm": lambda: nn.LSTM(5, 6, 2),
    "lstm both ways": lambda: nn.LSTM(5, 6, bidirectional=True, batch_first=True),
    "lstm with a projection": lambda: nn.LSTM(5, 6, proj_size=3),
    "gru with dropout": lambda: nn.GRU(5, 6, 2, dropout=0.3),
    "gru without biases": lambda: nn.GRU(5, 6, bias=False, batch_first=True),
    "tanh": lambda: nn.RNN(5, 6),
    "rectified": lambda: nn.RNN(5, 6, nonlinearity="relu"),
}
CELLS = {
    "lstm": lambda bias: nn.LSTMCell(5, 6, bias=bias),
    "gru": lambda bias: nn.GRUCell(5, 6, bias=bias),
    "tanh": lambda bias: nn.RNNCell(5, 6, bias=bias),
    "rectified": lambda bias: nn.RNNCell(5, 6, bias=bias, nonlinearity="relu"),
}


def is_taken_apart(traced):
    return any(is_call(n, aten.linear.default) for n in traced.graph.nodes) and not any(
        may_draw(n) for n in traced.graph.nodes
    )


@pytest.mark.parametrize("kind", SEQUENCES)
def test_a_sequence_is_a_linear_layer_for_each_step(kind):
    torch.manual_seed(0)
    network, given = SEQUENCES[kind]().double().eval(), torch.randn(4, 3, 5, dtype=torch.float64)
    traced = functional(network, (given,))
    torch.testing.assert_close(traced(given)[0], network(given)[0])
    assert is_taken_apart(traced)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_is_linear_layers_and_gates(kind, bias):
    torch.manual_seed(0)
    cell, given = CELLS[kind](bias).double().eval(), torch.randn(3, 5, dtype=torch.float64)
    traced = functional(cell, (given,))
    torch.testing.assert_close(traced(given), cell(given))
    assert is_taken_apart(traced)
