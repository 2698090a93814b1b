"""Calibration: a graph computes samples, and whoever asked looks at what its nodes make. One interpreter for all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from edgegan.core.errors import ModelError
from edgegan.quantize.ranges import RangeObserver

Batches = Iterable[tuple[torch.Tensor, ...]]
"""Calibration inputs, each a batch in the order of the graph's arguments."""
Look = Callable[[torch.Tensor], None]
"""What is shown a node's value; it raises ValueError for one that it cannot use."""


def watch(module: fx.GraphModule, looks: Mapping[str, Look], batches: Batches) -> int:
    """Run ``module`` over ``batches`` and show what its nodes make, by node name; returns the number of samples.

    Raises ModelError for values that are not finite, naming the node.
    """
    watcher, count = _Watcher(module, looks), 0
    with torch.no_grad():
        for batch in batches:
            watcher.run(*batch)
            count += len(batch[0])
    return count


class _Watcher(fx.Interpreter):
    """Computes a graph and shows what its nodes make."""

    def __init__(self, module: fx.GraphModule, looks: Mapping[str, Look]) -> None:
        super().__init__(module)
        self.looks = looks

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        look = self.looks.get(n.name)
        if look is not None and value.numel():
            try:
                look(value.detach())
            except ValueError as exc:
                raise ModelError(
                    f"calibration met a {exc} in the generator at {n.name}; check the weights and the --data"
                ) from exc
        return value


@dataclass
class Ranges:
    """The range of each tensor of a graph, by the node that makes it, from ``count`` samples; what is known is not
    looked at again. ``method``: of ``edgegan.quantize.ranges``."""

    method: str
    by_node: dict[str, RangeObserver] = field(default_factory=dict)
    count: int = 0

    def learn(self, module: fx.GraphModule, names: Collection[str], batches: Batches) -> None:
        """Learn the ranges of the nodes ``names`` of ``module``, those that are not known, from ``batches``."""
        missing = {name: RangeObserver(method=self.method) for name in names if name not in self.by_node}
        if missing:
            self.count = watch(module, {name: observer.look for name, observer in missing.items()}, batches)
            self.by_node |= missing
