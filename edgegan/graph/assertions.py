"""Assertions of the traced code about values that a tracer does not have."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class AssertionsHold(TorchFunctionMode):
    """While it is entered, ``assert`` of a tensor passes: it held when the code was run, and computes nothing."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is torch.Tensor.__bool__ and _is_asserting():
            return True
        return func(*args, **(kwargs or {}))


def _is_asserting() -> bool:
    """Whether the innermost line outside of PyTorch and this file is an assertion."""
    frame = sys._getframe(1)
    while frame.f_back is not None and (frame.f_code.co_filename == __file__ or "/torch/" in frame.f_code.co_filename):
        frame = frame.f_back
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).lstrip().startswith("assert ")
