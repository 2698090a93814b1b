"""Checks of the traced code on values that a tracer does not have: ``assert (x > 0).all()``, ``if torch.isnan(x).any():
raise``. They held when the code was run, and compute nothing."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Callable, Mapping
from functools import cache
from types import FrameType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

Answers = dict[tuple[str, int], bool]
"""By file and instruction: what the tensor of a check was, as a truth."""


class Checks(TorchFunctionMode):
    """While it is entered, the truths of tensors that checks ask for are kept in ``answers``."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: Answers = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.Tensor.__bool__ and (place := _check()) is not None:
            self.answers[place] = bool(result)
        return result


class ChecksHold(TorchFunctionMode):
    """While it is entered, checks are given the truths of ``answers``."""

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self.answers = answers

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is torch.Tensor.__bool__ and (place := _check()) in self.answers:
            return self.answers[place]  # type: ignore[index]
        return func(*args, **(kwargs or {}))


def _check() -> tuple[str, int] | None:
    """The place of the check that the innermost line outside of PyTorch and this file makes; None where it is none."""
    frame: FrameType = sys._getframe(1)
    while frame.f_back is not None and (frame.f_code.co_filename == __file__ or "/torch/" in frame.f_code.co_filename):
        frame = frame.f_back
    file = frame.f_code.co_filename
    is_one = any(first <= frame.f_lineno <= last for first, last in _checks_of(file))
    return (file, frame.f_code.co_firstlineno << 32 | frame.f_lasti) if is_one else None


@cache
def _checks_of(file: str) -> list[tuple[int, int]]:
    """First and last lines of what a file's assertions test, and its conditions on which it only raises."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return []
    tests = [
        node.test
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert)
        or (isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise) and not node.orelse)
    ]
    return [(test.lineno, test.end_lineno or test.lineno) for test in tests]
