"""StyleGAN2's weight modulation on activations (Karras et al. 2020, arXiv:1912.04958, section 2.2, the other way
round).

With w[n,o,i,k] = W[o,i,k] s[n,i] d[n,o]:   conv(x, w)[n,o] = d[n,o] conv(s[n] x[n], W)[o],
and the demodulation's   sum_ik (W[o,i,k] s[n,i])^2 = sum_i s[n,i]^2 (sum_k W[o,i,k]^2),   a linear layer.
No weight is built per sample, groups stay 1 for any batch, and the layer quantizes like any other.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import fx

from edgegan.graph.editing import add_weight, argument, arguments, input_of, is_call, operator, replace, shape, weight
from edgegan.graph.moves import moved, numbers, way_to
from edgegan.graph.operators import SQUARES, aten


@dataclass
class Product:
    """A per-sample weight as its factors: one constant (O, I, *k), values per input channel and per output channel."""

    constant: torch.Tensor | None
    styles: list[fx.Node]
    gains: list[tuple[fx.Node, bool]]


def modulated_conv(module: fx.GraphModule) -> int:
    """Convolutions first, then the squared sums that their demodulation took over the built weights."""
    count = 0
    for node in list(module.graph.nodes):
        if is_call(node, aten.conv2d.default, aten.conv_transpose2d.input):
            count += _convolution(module, node)
    for node in list(module.graph.nodes):
        if is_call(node, aten.sum.dim_IntList):
            count += _squared_sum(module, node)
    return count


def _convolution(module: fx.GraphModule, node: fx.Node) -> int:
    call = arguments(node)
    batch, built = call["groups"], _built(node, call["weight"], call["groups"])
    product = None if built is None else _factors(module, built)
    if product is None or product.constant is None or not product.styles or (call["bias"] is not None and batch > 1):
        return 0
    outputs, inputs = product.constant.shape[:2]
    source = call["input"]
    if shape(source)[0] != 1 or shape(source)[1] != batch * inputs or shape(node)[1] != batch * outputs:
        return 0
    transposed = node.target is aten.conv_transpose2d.input
    kernel = add_weight(
        module, f"{node.name}_shared_weight", product.constant.transpose(0, 1) if transposed else product.constant
    )

    def build(graph: fx.Graph) -> fx.Node:
        value = (
            source
            if batch == 1
            else graph.call_function(aten.reshape.default, (source, [batch, inputs, *shape(source)[2:]]))
        )
        for style in product.styles:
            value = graph.call_function(
                aten.mul.Tensor, (value, graph.call_function(aten.reshape.default, (style, [batch, inputs, 1, 1])))
            )
        if transposed:
            value = graph.call_function(
                operator(node),
                (value, kernel, None, call["stride"], call["padding"], call["output_padding"], 1, call["dilation"]),
            )
        else:
            value = graph.call_function(
                operator(node), (value, kernel, None, call["stride"], call["padding"], call["dilation"], 1)
            )
        for gain, divides in product.gains:
            per_output = graph.call_function(aten.reshape.default, (gain, [batch, outputs, 1, 1]))
            value = graph.call_function(aten.div.Tensor if divides else aten.mul.Tensor, (value, per_output))
        if call["bias"] is not None:
            value = graph.call_function(
                aten.add.Tensor, (value, graph.call_function(aten.reshape.default, (call["bias"], [1, outputs, 1, 1])))
            )
        return value if batch == 1 else graph.call_function(aten.reshape.default, (value, list(shape(node))))

    replace(node, build)
    return 1


def _built(node: fx.Node, value: fx.Node, batch: int) -> fx.Node | None:
    """The (N, O, I, *k) tensor that data movement alone made this convolution's weight of."""
    steps = way_to(value)
    for index, step in enumerate(steps):
        built = input_of(step)
        if len(shape(built)) != 5 or shape(built)[0] != batch:
            continue
        places = numbers(shape(built))
        wanted = places.transpose(1, 2) if node.target is aten.conv_transpose2d.input else places
        if torch.equal(moved(places, steps[index:]), wanted.reshape(shape(value))):
            return built
    return None


def _factors(module: fx.GraphModule, node: fx.Node) -> Product | None:
    """``node``, (N, O, I, *k), as a product; None where it is another function."""
    batch, outputs, inputs = shape(node)[:3]
    product = Product(None, [], [])
    pending: list[tuple[object, bool]] = [(node, False)]
    while pending:
        value, divides = pending.pop()
        held = weight(module, value)
        if isinstance(value, int | float):
            held = torch.tensor(float(value))
        if held is not None:
            held = 1 / held if divides else held
            wide = held.reshape(held.shape[1:]) if held.ndim == 5 and held.shape[0] == 1 else held
            if wide.ndim not in (0, 4):
                return None
            product.constant = wide if product.constant is None else product.constant * wide
        elif not isinstance(value, fx.Node):
            return None
        elif shape(value) == (batch, 1, inputs, 1, 1) and value is not node and not divides:
            product.styles.append(value)
        elif shape(value) == (batch, outputs, 1, 1, 1) and value is not node:
            product.gains.append((value, divides))
        elif is_call(value, aten.mul.Tensor) and not divides:
            pending += [(a, False) for a in value.args[:2]]
        elif is_call(value, aten.div.Tensor) and not divides:
            pending += [(input_of(value), False), (value.args[1], True)]
        else:
            return None
    if product.constant is None or product.constant.ndim != 4 or tuple(product.constant.shape[:2]) != (outputs, inputs):
        return None
    return product


def _squared_sum(module: fx.GraphModule, node: fx.Node) -> int:
    square, dims = input_of(node), argument(node, 1)
    keep = arguments(node)["keepdim"]
    twice = is_call(square, aten.mul.Tensor) and input_of(square) is argument(square, 1)
    power = is_call(square, *SQUARES) and (square.target is aten.square.default or argument(square, 1) == 2)
    if not (twice or power) or len(shape(square)) != 5 or sorted(d % 5 for d in dims) != [2, 3, 4]:
        return 0
    product = _factors(module, input_of(square))
    if product is None or product.constant is None or not product.styles or product.gains:
        return 0
    batch, inputs = shape(square)[0], shape(square)[2]
    matrix = add_weight(
        module, f"{node.name}_squares", product.constant.double().square().sum((2, 3)).to(product.constant.dtype)
    )

    def build(graph: fx.Graph) -> fx.Node:
        style: fx.Node | None = None
        for factor in product.styles:
            flat = graph.call_function(aten.reshape.default, (factor, [batch, inputs]))
            style = flat if style is None else graph.call_function(aten.mul.Tensor, (style, flat))
        total = graph.call_function(aten.linear.default, (graph.call_function(aten.mul.Tensor, (style, style)), matrix))
        return graph.call_function(aten.reshape.default, (total, list(shape(node)))) if keep else total

    replace(node, build)
    return 1
