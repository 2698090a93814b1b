"""Does a rewrite change nothing? Random inputs of the model's own kinds, in float64, both ways."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import fx

from edgegan.graph.graph import Graph

TOLERANCE = 1e-5
"""Largest error allowed, relative to the largest output. Weights are stored in float32 (2**-24 = 6e-8 each, rounded once
per pass), so a true rewrite lands near 1e-7 after some tens of layers and a wrong one far above 1e-3."""


@dataclass(frozen=True)
class Difference:
    """Largest absolute difference between two outputs, and that over the largest magnitude of the first."""

    maximum: float
    relative: float

    @property
    def is_exact(self) -> bool:
        return self.relative <= TOLERANCE


@torch.no_grad()
def compare(before: Graph, after: Graph, seeds: tuple[int, ...] = (1, 2)) -> Difference:
    """Run both graphs in float64 on seeded inputs. A shape that differs counts as infinitely far."""
    reference, candidate = _doubled(before.module), _doubled(after.module)
    maximum, magnitude = 0.0, 1e-12
    for seed in seeds:
        inputs = tuple(t.double() if t.is_floating_point() else t for t in before.example_inputs(seed))
        wanted, got = reference(*inputs), candidate(*inputs)
        if wanted.shape != got.shape or not torch.isfinite(got).all():
            return Difference(float("inf"), float("inf"))
        maximum = max(maximum, (wanted - got).abs().max().item())
        magnitude = max(magnitude, wanted.abs().max().item())
    return Difference(maximum, maximum / magnitude)


def _doubled(module: fx.GraphModule) -> fx.GraphModule:
    """A float64 copy, explicit casts to float32 within the graph included."""
    import copy

    doubled = copy.deepcopy(module).double()
    for node in doubled.graph.nodes:
        if node.op == "call_function":
            node.args = tuple(torch.float64 if a is torch.float32 else a for a in node.args)
            node.kwargs = {k: torch.float64 if v is torch.float32 else v for k, v in node.kwargs.items()}
    doubled.recompile()
    return doubled
