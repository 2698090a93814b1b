"""Operators that were taken apart before a program came here become whole again: rewrites, quantizers and exporters
know convolutions and norms by their own names.

Programs in core ATen (``torch.export`` after ``run_decompositions``) have ``convolution`` and norms of three outputs;
traced modules (``torch.jit.trace``) ``_convolution``. Their products with matrices ``passes.matrix_linear`` takes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from torch import fx

from edgegan.graph.editing import arguments, input_of, is_call, shape
from edgegan.graph.operators import CLONES, RESHAPES, SCALINGS, aten

Rule = Callable[[fx.Node], tuple[Any, tuple[Any, ...]] | None]
"""The operator, and its arguments, that a node is; None where it is none."""


def whole(module: fx.GraphModule) -> None:
    """Restore operators in place."""
    for node in list(module.graph.nodes):
        rule = RULES.get(node.target) if node.op == "call_function" else None
        made = rule(node) if rule else None
        if made is not None:
            with module.graph.inserting_before(node):
                plain = module.graph.call_function(*made)
            stand_in(node, plain)
    module.graph.eliminate_dead_code()
    module.recompile()


def stand_in(node: fx.Node, plain: fx.Node) -> None:
    """``plain`` for ``node``, or for its first output: the others, statistics and places, nothing reads."""
    first = [user for user in node.users if user.target is operator.getitem]
    for user in first:
        assert user.args[1] == 0, "nothing reads statistics in evaluation"
        plain.meta["val"] = user.meta.get("val")
        user.replace_all_uses_with(plain)
        node.graph.erase_node(user)
    if not first:
        plain.meta["val"] = node.meta.get("val")
        node.replace_all_uses_with(plain)
    node.graph.erase_node(node)


def _convolution(node: fx.Node) -> tuple[Any, tuple[Any, ...]] | None:
    given = arguments(node)
    rank = len(shape(given["input"])) - 2
    ends = (given["stride"], given["padding"])
    start = (given["input"], given["weight"], given["bias"])
    if given["transposed"]:
        targets = (aten.conv_transpose1d.default, aten.conv_transpose2d.input, aten.conv_transpose3d.input)
        return targets[rank - 1], (*start, *ends, given["output_padding"], given["groups"], given["dilation"])
    targets = (aten.conv1d.default, aten.conv2d.default, aten.conv3d.default)
    return targets[rank - 1], (*start, *ends, given["dilation"], given["groups"])


def _batch_norm(node: fx.Node) -> tuple[Any, tuple[Any, ...]] | None:
    source, gain, offset, mean, variance, momentum, eps = node.args
    return aten.batch_norm.default, (source, gain, offset, mean, variance, False, momentum, eps, False)


def _group_norm(node: fx.Node) -> tuple[Any, tuple[Any, ...]] | None:
    given = arguments(node)
    return aten.group_norm.default, (given["input"], given["group"], given["weight"], given["bias"], given["eps"])


def _layer_norm(node: fx.Node) -> tuple[Any, tuple[Any, ...]] | None:
    return aten.layer_norm.default, node.args


def _max_pool(node: fx.Node) -> tuple[Any, tuple[Any, ...]] | None:
    return aten.max_pool2d.default, node.args


def _softmax(node: fx.Node) -> tuple[Any, tuple[Any, ...]] | None:
    return aten.softmax.int, node.args[:2]


def _leaky(node: fx.Node) -> tuple[Any, tuple[Any, ...]] | None:
    """``where(x > 0, x, a x)``, ``a`` a number or one for each channel."""
    test, source, scaled = node.args
    if not (is_call(test, aten.gt.Scalar) and list(test.args) == [source, 0] and is_call(scaled, *SCALINGS[:1])):
        return None
    factors = [value for value in scaled.args if value is not source]
    if len(factors) != 1:
        return None
    (slope,) = factors
    if isinstance(slope, int | float):
        return aten.leaky_relu.default, (source, slope)
    if is_call(slope, *RESHAPES) and input_of(slope).op == "get_attr":
        return aten.prelu.default, (source, input_of(slope))
    return None


def _pixel_shuffle(node: fx.Node) -> tuple[Any, tuple[Any, ...]] | None:
    """Channels taken apart into steps along both axes, moved there, and laid flat."""
    moved = _before_clones(input_of(node))
    if not is_call(moved, aten.permute.default) or list(moved.args[1]) != SHUFFLED:  # type: ignore[arg-type]
        return None
    apart = input_of(moved)
    source = input_of(apart) if is_call(apart, *RESHAPES) else None
    if source is None or len(shape(source)) != 4:
        return None
    batch, channels, factor, other, height, width = shape(apart)
    is_one = factor == other and shape(source)[2:] == (height, width)
    whole_size = (batch, channels, factor * height, factor * width)
    return (aten.pixel_shuffle.default, (source, factor)) if is_one and shape(node) == whole_size else None


def _before_clones(node: fx.Node) -> fx.Node:
    while is_call(node, *CLONES):
        node = input_of(node)
    return node


SHUFFLED = [0, 1, 4, 2, 5, 3]
"""The axes of (N, C, r, r, H, W) as (N, C, H, r, W, r)."""
RULES: dict[Any, Rule] = {
    aten.convolution.default: _convolution,
    aten._convolution.default: _convolution,
    aten._native_batch_norm_legit_no_training.default: _batch_norm,
    aten.native_group_norm.default: _group_norm,
    aten.native_layer_norm.default: _layer_norm,
    aten.max_pool2d_with_indices.default: _max_pool,
    aten._softmax.default: _softmax,
    aten.where.self: _leaky,
    **dict.fromkeys(RESHAPES, _pixel_shuffle),
}
