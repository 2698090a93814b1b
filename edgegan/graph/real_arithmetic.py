"""Complex numbers as pairs of real ones: a traced network is run once more with each complex value as two, and what it
then computes is traced in its place. No backend has complex kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import fx
from torch.utils._pytree import tree_leaves

from edgegan.core.errors import ModelError
from edgegan.graph.complex_rules import RULES
from edgegan.graph.editing import weight
from edgegan.graph.fourier import Complex
from edgegan.graph.fourier_rules import FOURIER


def has_complex_values(traced: fx.GraphModule) -> bool:
    return any(_is_complex(node.meta.get("val")) for node in traced.graph.nodes)


class RealArithmetic(torch.nn.Module):
    """The network that ``traced`` is, without complex values; its weights are the same, under the same names.

    Raises ModelError when run: an operator has no rule for complex values.
    """

    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__()
        self._parameters, self._buffers, self._modules = traced._parameters, traced._buffers, traced._modules
        self._run: Callable[..., Any] = _InPairs(traced, self._parts_of_constants(traced)).run

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self._run(*inputs)

    def _parts_of_constants(self, traced: fx.GraphModule) -> dict[str, Complex]:
        """Buffers for the real and the imaginary parts of weights that are complex, by the weights' names."""
        parts = {}
        for node in traced.graph.nodes:
            value = weight(traced, node)
            if value is None or not value.is_complex():
                continue
            name = str(node.target).replace(".", "_")
            for part in Complex._fields:
                self.register_buffer(f"{name}_{part}", getattr(value, part).clone())
            parts[str(node.target)] = Complex(*(self.get_buffer(f"{name}_{part}") for part in Complex._fields))
        return parts


class _InPairs(fx.Interpreter):
    """Every complex value is a ``Complex`` in it."""

    def __init__(self, traced: fx.GraphModule, constants: dict[str, Complex]) -> None:
        super().__init__(traced)
        self.constants = constants

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:
        return self.constants.get(target) or super().get_attr(target, args, kwargs)

    def run_node(self, n: fx.Node) -> Any:
        if n.op != "call_function":
            return super().run_node(n)
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        given = tree_leaves((args, kwargs), is_leaf=lambda value: isinstance(value, Complex))
        is_complex = _is_complex(n.meta.get("val")) or any(isinstance(value, Complex) for value in given)
        rule = FOURIER.get(n.target) or (RULES.get(n.target) if is_complex else None)
        if rule is None and is_complex:
            raise ModelError(
                f"{n.target} has no rule for complex numbers: let the network compute real and imaginary parts apart"
            )
        return rule(*args, **kwargs) if rule is not None else super().run_node(n)


def _is_complex(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_complex()
