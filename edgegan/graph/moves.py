"""Where data movement takes the values of a tensor: found by moving their numbers, however the code was written."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import fx

from edgegan.graph.editing import arguments, input_of, is_call, shape, sole_user
from edgegan.graph.operators import CONSTANT_PADS, MOVES, PADS


def pads_zeros(node: fx.Node) -> bool:
    """Whether ``node`` puts zeros around what it reads."""
    if not is_call(node, *CONSTANT_PADS):
        return False
    call = arguments(node)
    return call.get("mode", "constant") == "constant" and not call["value"]


def pads_own_values_or_zeros(node: fx.Node) -> bool:
    """Whether ``node`` puts zeros, or values that are there already, around what it reads."""
    return is_call(node, *PADS) and (
        arguments(node).get("mode", "constant") != "constant" or not arguments(node).get("value")
    )


def moves(node: fx.Node) -> bool:
    """Whether ``node`` hands on values of its one input, and zeros beside them."""
    return is_call(node, *MOVES) or pads_zeros(node)


def way_to(node: fx.Node) -> list[fx.Node]:
    """The steps that moved values into ``node``, itself the last; empty where it does not move."""
    steps: list[fx.Node] = []
    while moves(node):
        steps.insert(0, node)
        node = input_of(node)
    return steps


def way_from(node: fx.Node) -> list[fx.Node]:
    """The steps that move what ``node`` gives, as long as nothing else reads it."""
    steps: list[fx.Node] = []
    user = sole_user(node)
    while user is not None and moves(user) and input_of(user) is node:
        steps.append(user)
        node, user = user, sole_user(user)
    return steps


def returns_to(node: fx.Node) -> fx.Node | None:
    """The tensor furthest back that data movement alone takes apart and puts together again as it was, in ``node``."""
    steps = way_to(node)
    for index, step in enumerate(steps):
        source = input_of(step)
        if shape(source) == shape(node) and torch.equal(
            moved(numbers(shape(source)), steps[index:]), numbers(shape(node))
        ):
            return source
    return None


def numbers(size: Sequence[int]) -> torch.Tensor:
    """1, 2, 3, ... in a tensor of ``size``: no value is mistaken for padding."""
    return torch.arange(1, 1 + torch.Size(size).numel(), dtype=torch.int32).reshape(tuple(size))


def moved(value: torch.Tensor, steps: Sequence[fx.Node]) -> torch.Tensor:
    for step in steps:
        value = step.target(value, *step.args[1:], **step.kwargs)  # type: ignore[operator]
    return value
