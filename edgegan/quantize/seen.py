"""The ranges of a graph's tensors, taken while it computes samples."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from edgegan.core.errors import ModelError
from edgegan.quantize.ranges import RangeObserver


@dataclass
class Seen:
    """Ranges by the node that makes the tensor, from ``count`` samples; what is known is not looked at again."""

    method: str
    ranges: dict[str, RangeObserver] = field(default_factory=dict)
    count: int = 0

    def look(self, module: fx.GraphModule, names: Collection[str], batches: Iterable[tuple[torch.Tensor, ...]]) -> None:
        """Learn the ranges of the nodes ``names`` of ``module``, those that are not known, from ``batches``.

        Raises ModelError for values that are not finite, naming the node.
        """
        missing = {name: RangeObserver(method=self.method) for name in names if name not in self.ranges}
        if not missing:
            return
        watch, self.count = _Watch(module, missing), 0
        for batch in batches:
            watch.run(*batch)
            self.count += len(batch[0])
        self.ranges |= missing


class _Watch(fx.Interpreter):
    """Computes a graph and shows what its nodes make to their observers."""

    def __init__(self, module: fx.GraphModule, observers: dict[str, RangeObserver]) -> None:
        super().__init__(module)
        self.observers = observers

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.name in self.observers and value.numel():
            try:
                self.observers[n.name].observe(value.detach().float().numpy())
            except ValueError as exc:
                raise ModelError(
                    f"calibration met a {exc} in the generator at {n.name}; check the weights and the --data"
                ) from exc
        return value
