"""Does a rewrite change nothing? Random inputs of the model's own kinds, several seeds; in float64 where float32 cannot
tell."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import fx

from edgegan.graph.cost import is_large
from edgegan.graph.graph import Graph

TOLERANCE = 1e-5
"""Largest error allowed, relative to the largest output. Weights are stored in float32 (2**-24 = 6e-8 each, rounded
once per pass), so a true rewrite lands near 1e-7 after some tens of layers and a wrong one far above 1e-3."""
OF_ITSELF, MOST = 4.0, 1e-3
"""A network that makes much of small differences is allowed more: so many times what float32 itself leaves of its
outputs, as folded weights are rounded to it; at most MOST, below what a wrong rewrite does."""
SEEDS = (1, 2)


@dataclass(frozen=True)
class Difference:
    """Largest absolute difference between two outputs, and that over the largest magnitude of the first; what of the
    latter is allowed."""

    maximum: float
    relative: float
    allowed: float = TOLERANCE

    @property
    def is_exact(self) -> bool:
        return self.relative <= self.allowed


class Reference:
    """A graph whose outputs others are compared with; each is computed once."""

    def __init__(self, graph: Graph, seeds: tuple[int, ...] = SEEDS) -> None:
        self.graph, self.seeds = graph, seeds
        self._outputs: dict[torch.dtype, list[torch.Tensor]] = {}

    def outputs(self, dtype: torch.dtype) -> list[torch.Tensor]:
        if dtype not in self._outputs:
            self._outputs[dtype] = self._run(self.graph, dtype)
        return self._outputs[dtype]

    def difference(self, candidate: Graph) -> Difference:
        """How far ``candidate`` is from the graph; large ones are asked in float32 first. A shape that differs counts
        as infinitely far."""
        if is_large(self.graph):
            single = _difference(self.outputs(torch.float32), self._run(candidate, torch.float32))
            if single.is_exact:
                return single
        found = _difference(self.outputs(torch.float64), self._run(candidate, torch.float64))
        return found if found.is_exact else replace(found, allowed=self.allowed)

    @cached_property
    def allowed(self) -> float:
        """Relative difference that is none, by what float32 leaves of these outputs."""
        own = _difference(self.outputs(torch.float64), self.outputs(torch.float32))
        return max(TOLERANCE, min(MOST, OF_ITSELF * own.relative))

    @torch.no_grad()
    def _run(self, graph: Graph, dtype: torch.dtype) -> list[torch.Tensor]:
        module = graph.module if dtype is torch.float32 else _doubled(graph.module)
        return [
            module(*(t.to(dtype) if t.is_floating_point() else t for t in self.graph.example_inputs(seed)))
            for seed in self.seeds
        ]


def compare(before: Graph, after: Graph, seeds: tuple[int, ...] = SEEDS) -> Difference:
    """How far two graphs are from each other."""
    return Reference(before, seeds).difference(after)


def single_and_double(graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """The graph's pictures for a random input, computed in float32 and in float64: what float32 itself leaves."""
    reference = Reference(graph, SEEDS[:1])
    single, double = (torch.cat(reference.outputs(dtype)).numpy() for dtype in (torch.float32, torch.float64))
    return single, double


def _difference(wanted: list[torch.Tensor], got: list[torch.Tensor]) -> Difference:
    maximum, magnitude = 0.0, 1e-12
    for one, other in zip(wanted, got, strict=True):
        if one.shape != other.shape or not torch.isfinite(other).all():
            return Difference(float("inf"), float("inf"))
        maximum = max(maximum, (one - other).abs().max().item())
        magnitude = max(magnitude, one.abs().max().item())
    return Difference(maximum, maximum / magnitude)


def _doubled(module: fx.GraphModule) -> fx.GraphModule:
    """A float64 copy; so are casts to float32 within the graph, and tensors that it makes of nothing (``linspace``)."""
    doubled = copy.deepcopy(module).double()
    for node in doubled.graph.nodes:
        if node.op == "call_function":
            node.args = tuple(torch.float64 if a is torch.float32 else a for a in node.args)
            node.kwargs = {k: torch.float64 if v is torch.float32 else v for k, v in node.kwargs.items()}
            if not node.all_input_nodes and getattr(node.meta.get("val"), "dtype", None) is torch.float32:
                node.kwargs = node.kwargs | {"dtype": torch.float64}
    doubled.recompile()
    return doubled
