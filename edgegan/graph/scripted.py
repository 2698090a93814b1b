"""Scripted and traced submodules (``torch.jit``), which torch.export does not enter: their methods are called as
functions, whose operators it sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


class _Called(nn.Module):
    """A scripted module behind its method alone; its weights are constants to whoever traces it."""

    def __init__(self, scripted: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.method: Any = scripted._c._get_method("forward")

    def forward(self, *inputs: Any) -> Any:
        return self.method(*inputs)


@contextmanager
def unscripted(module: nn.Module) -> Iterator[None]:
    """While it lasts, the scripted modules within ``module`` are called through their methods."""
    replaced = list(_scripted(module))
    for owner, name, scripted in replaced:
        setattr(owner, name, _Called(scripted))
    try:
        yield
    finally:
        for owner, name, scripted in replaced:
            setattr(owner, name, scripted)


def _scripted(module: nn.Module) -> Iterator[tuple[nn.Module, str, torch.jit.ScriptModule]]:
    """The outermost of them, with who has them under which name."""
    for name, child in module.named_children():
        if isinstance(child, torch.jit.ScriptModule):
            yield module, name, child
        else:
            yield from _scripted(child)
