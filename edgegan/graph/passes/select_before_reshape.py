"""One of the parts into which an axis was split, as kernels that a network computes for each of its layers, is a slice
of the axis as it was: no tensor then has more axes than mobile runtimes take."""

from __future__ import annotations

from math import prod

from torch import fx

from edgegan.graph.editing import arguments, input_of, is_call, replace, shape, sized
from edgegan.graph.operators import RESHAPES, aten

MOST_AXES = 4
"""As many every backend takes."""


def select_before_reshape(module: fx.GraphModule) -> int:
    count = sum(_rewrite(node) for node in list(module.graph.nodes) if is_call(node, aten.select.int))
    module.graph.eliminate_dead_code()
    return count


def _rewrite(node: fx.Node) -> bool:
    split, taken = input_of(node), arguments(node)
    if not is_call(split, *RESHAPES) or len(shape(split)) <= MOST_AXES:
        return False
    axis, source = taken["dim"] % len(shape(split)), input_of(split)
    whole = _axis_that_begins(shape(source), prod(shape(split)[:axis]))
    if whole is None or shape(source)[whole] % shape(split)[axis]:
        return False
    size = shape(source)[whole] // shape(split)[axis]
    begin = size * (taken["index"] % shape(split)[axis])
    left = list(shape(source))
    left[whole] = size

    def build(graph: fx.Graph) -> fx.Node:
        part = sized(graph.call_function(aten.slice.Tensor, (source, whole, begin, begin + size)), left)
        return graph.call_function(aten.reshape.default, (part, list(shape(node))))

    replace(node, build)
    return True


def _axis_that_begins(sizes: tuple[int, ...], before: int) -> int | None:
    """The last axis whose places lie behind ``before`` values of those ahead of it; None where there is none."""
    found = [axis for axis in range(len(sizes)) if prod(sizes[:axis]) == before]
    return found[-1] if found else None
