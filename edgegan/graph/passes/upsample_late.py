"""Nearest upsampling copies pixels, so whatever works on each pixel alone can work before the copies are made: f(up(x))
= up(f(x)) for pointwise f, constants per channel and 1x1 convolutions, the last of which then costs s*s times less.
Bilinear and bicubic upsampling mix pixels by weights that sum to one: constants and 1x1 convolutions commute with them
too. A larger kernel after them is left alone: merged, its phases need as many taps (3 x 3 for a 3 x 3), and the edges
another form.

Upsampling written as ``repeat_interleave`` is recognised first.
"""

from __future__ import annotations

from torch import fx

from edgegan.graph.editing import arguments, channel_values, input_of, is_call, pair, replace, shape, sole_user, weight
from edgegan.graph.operators import MIXING_UPSAMPLES, POINTWISE, SCALINGS, SUMS, UPSAMPLES, aten


def upsample_late(module: fx.GraphModule) -> int:
    return _recognise(module) + _postpone(module)


def _recognise(module: fx.GraphModule) -> int:
    """Rows and columns repeated by the same number, in either order."""
    count = 0
    for node in list(module.graph.nodes):
        repeated = _repeat(node)
        inner = _repeat(input_of(node)) if repeated else None
        if repeated is None or inner is None or len(input_of(node).users) > 1:
            continue
        if len(shape(node)) == 4 and {repeated[0], inner[0]} == {2, 3} and repeated[1] == inner[1]:
            source, factor = input_of(input_of(node)), float(repeated[1])
            size = list(shape(node)[2:])
            replace(
                node,
                lambda graph, source=source, size=size, factor=factor: graph.call_function(
                    aten.upsample_nearest2d.vec, (source, size, None)
                ),
            )
            count += 1
    return count


def _repeat(node: object) -> tuple[int, int] | None:
    """(dimension, times) of a repeat_interleave by a number."""
    if not is_call(node, aten.repeat_interleave.self_int):
        return None
    call = arguments(node)
    if call["dim"] is None:
        return None
    return call["dim"] % len(shape(call["self"])), call["repeats"]


def _postpone(module: fx.GraphModule) -> int:
    count = 0
    for node in list(module.graph.nodes):
        if not is_call(node, *UPSAMPLES) and not (is_call(node, *MIXING_UPSAMPLES) and _enlarges(node)):
            continue
        user = sole_user(node)
        while user is not None and _is_per_pixel(module, user, node):
            source, after = input_of(node), dict(user.meta)
            user.replace_all_uses_with(node)
            user.replace_input_with(node, source)
            node.replace_input_with(source, user)
            user.append(node)
            user.meta["val"] = after["val"].new_empty((*after["val"].shape[:2], *shape(source)[2:]))
            node.meta["val"] = after["val"]
            count += 1
            user = sole_user(node)
    return count


def _enlarges(upsample: fx.Node) -> bool:
    """What resizes to fewer pixels leaves less to do after it."""
    return all(
        after >= before for before, after in zip(shape(input_of(upsample))[2:], shape(upsample)[2:], strict=True)
    )


def _is_per_pixel(module: fx.GraphModule, user: fx.Node, upsample: fx.Node) -> bool:
    if is_call(user, *POINTWISE):
        return is_call(upsample, *UPSAMPLES)
    if is_call(user, aten.prelu.default):
        return is_call(upsample, *UPSAMPLES) and weight(module, user.args[1]) is not None
    if is_call(user, *SUMS, *SCALINGS):
        others = [a for a in user.args if a is not upsample]
        return (
            len(others) == 1
            and shape(user) == shape(upsample)
            and channel_values(module, others[0], shape(upsample)[1], 4) is not None
        )
    if is_call(user, aten.conv2d.default):
        call = arguments(user)
        kernel = weight(module, call["weight"])
        plain = pair(call["stride"]) == (1, 1) and call["padding"] != "same" and pair(call["padding"]) == (0, 0)
        return kernel is not None and call["input"] is upsample and tuple(kernel.shape[2:]) == (1, 1) and plain
    return False
