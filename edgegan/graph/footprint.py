"""What compressing a generator takes in memory, estimated before anything is computed."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch._subclasses import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from edgegan.core.errors import ModelError
from edgegan.core.free_memory import free_memory
from edgegan.graph.leftovers import Attributes, forget

LIBRARIES = 1_200_000_000
"""Bytes of PyTorch, the converters and the runtimes themselves."""
COPIES_OF_WEIGHTS, COPIES_OF_VALUES = 8, 3
"""How many copies of the weights, and of all that the layers make, are held at once: forms, files on their way, and the
pass that looks at every layer."""
GIB = 2**30


class _Counter(TorchDispatchMode):
    """Counts the values that operators make anew; views make none."""

    def __init__(self) -> None:
        super().__init__()
        self.values = 0
        self.made: list[weakref.ref[torch.Tensor]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = [t for t in tree_leaves(result) if isinstance(t, torch.Tensor)]
        self.made += map(weakref.ref, tensors)
        if not func.is_view:
            self.values += sum(t.numel() for t in tensors)
        return result


def values_made(generator: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> int | None:
    """How many values the operators of one run make, found from shapes alone; None where the code needs numbers."""
    counter, before = _Counter(), Attributes(generator)
    try:
        with FakeTensorMode(allow_non_fake_inputs=True) as fake, torch.no_grad():
            given = [fake.from_tensor(value) for value in inputs]
            with counter:
                generator(*given)
    except Exception:
        return None
    finally:
        before.restore()
        forget(counter.made)
    return counter.values


def check_memory(generator: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    """Raise ModelError where compressing the generator would take more memory than there is."""
    values, free = values_made(generator, inputs), free_memory()
    if values is None or free is None:
        return
    weights = sum(p.numel() for p in (*generator.parameters(), *generator.buffers()))
    needed = LIBRARIES + 4 * (COPIES_OF_WEIGHTS * weights + COPIES_OF_VALUES * values)
    if needed > free:
        raise ModelError(
            f"compressing this generator takes about {needed / GIB:.1f} GiB of memory, of which {free / GIB:.1f} are "
            "free here; give a smaller --input or --batch, or use a machine with more"
        )
