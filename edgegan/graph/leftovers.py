"""What a run leaves behind in caches that a generator's code keeps: masks and grids as attributes of its modules, in
dictionaries of its files, behind ``functools.cache``. After a run on shapes alone they hold nothing that computes, and
the next run would take them for values.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from copy import copy
from functools import cache
from types import FrameType
from typing import Any

import torch

DEPTH = 4
"""Containers within each other, as a tuple of grids in a dictionary."""
_CACHED = type(cache(len))


class Attributes:
    """Those of every module of ``generator``, and what their dictionaries and lists hold, as they are now."""

    def __init__(self, generator: torch.nn.Module) -> None:
        self._kept = [
            (vars(module), dict(vars(module)), [(v, copy(v)) for v in vars(module).values() if type(v) in (dict, list)])
            for module in generator.modules()
        ]

    def restore(self) -> None:
        for attributes, before, containers in self._kept:
            if attributes.keys() != before.keys() or any(attributes[key] is not before[key] for key in before):
                attributes.clear()
                attributes.update(before)
            for container, content in containers:
                container.clear()
                container.update(content) if isinstance(container, dict) else container.extend(content)


def forget(made: Sequence[weakref.ref[torch.Tensor]]) -> None:
    """Take those of the tensors ``made`` that still live out of the dictionaries, lists and caches that hold them; a
    global variable becomes None."""
    if not any(reference() is not None for reference in made):
        return
    gc.collect()
    for reference in made:
        if (tensor := reference()) is not None:
            _take_out(tensor, DEPTH)


def _take_out(value: Any, depth: int) -> None:
    for holder in gc.get_referrers(value):
        if isinstance(holder, FrameType):
            continue
        if isinstance(holder, _CACHED):
            holder.cache_clear()
        elif isinstance(holder, dict):
            for key in [key for key, held in holder.items() if held is value]:
                if "__builtins__" in holder:
                    holder[key] = None
                else:
                    del holder[key]
        elif isinstance(holder, list):
            holder[:] = [held for held in holder if held is not value]
        elif depth and (isinstance(holder, tuple) or type(holder).__name__ == "_lru_list_elem"):
            _take_out(holder, depth - 1)
