"""Noise that a network draws itself: one draw of it, for good.

StyleGAN adds noise to its maps in ``forward``, text-to-image networks draw their condition, pix2pix leaves dropout on.
An artifact that drew anew at each call could be compared with nothing; one draw is what StyleGAN calls constant noise.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import fx

from edgegan.core.errors import ModelError
from edgegan.graph.editing import arguments, input_of, is_call, may_draw, operator
from edgegan.graph.operators import DROPOUTS, aten

NAME = "drawn_noise"
"""How the buffers begin that hold draws."""
SEED = 0
OF_SHAPES = (
    aten.randn_like.default, aten.rand_like.default, aten.randint_like.default, aten.randint_like.low_dtype,
    aten.normal_functional.default, aten.uniform.default, aten.exponential.default, aten.bernoulli.p,
    aten.log_normal.default, aten.cauchy.default,
)  # fmt: skip
"""Read of their input nothing but its shape and type."""
LEFT_ON = (aten.dropout.default, aten.native_dropout.default, aten.feature_dropout.default)
"""Whose draw is a mask by which they multiply."""
MAY_BE_OFF = (
    *DROPOUTS, aten.native_dropout.default, aten.scaled_dot_product_attention.default, aten.rrelu.default,
)  # fmt: skip
"""Draw only in training, or with a chance above zero."""


def fix_draws(module: fx.GraphModule, batch: int) -> None:
    """Put one draw in the place of whatever draws, the same for each of the ``batch`` samples; dropout that is left on
    becomes a product with one mask.

    Raises ModelError where what is drawn depends on values that the network computes.
    """
    drawing = [node for node in module.graph.nodes if _draws(node)]
    refused = [node for node in drawing if node.all_input_nodes and not is_call(node, *OF_SHAPES, *LEFT_ON)]
    if refused:
        raise ModelError(
            f"the generator draws at random from what it computes ({_told(refused)}), which no artifact can repeat; "
            "make what is drawn an input"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        for index, node in enumerate(drawing):
            _fix(module, node, f"{NAME}_{index}", batch)
    if drawing:
        module.recompile()


def draws_fixed(module: fx.GraphModule) -> int:
    """How many draws of a network were fixed."""
    return sum(name.startswith(NAME) for name, _ in module.named_buffers())


def _fix(module: fx.GraphModule, node: fx.Node, name: str, batch: int) -> None:
    outputs = node.meta["val"]
    replaced = [user for user in node.users if user.args[1] == 0] if isinstance(outputs, tuple) else [node]
    wanted = outputs[0] if isinstance(outputs, tuple) else outputs
    module.register_buffer(name, _of_one(node, list(wanted.shape), batch))
    with module.graph.inserting_before(node):
        value = module.graph.get_attr(name)
        value.meta["val"] = module.get_buffer(name)
        if is_call(node, *LEFT_ON):
            value = module.graph.call_function(aten.mul.Tensor, (input_of(node), value))
        elif value.meta["val"].shape != wanted.shape:
            value = module.graph.call_function(aten.expand.default, (value, list(wanted.shape)))
        value.meta["val"] = wanted
    for each in replaced:
        each.replace_all_uses_with(value)
        module.graph.erase_node(each)
    if node not in replaced:
        module.graph.erase_node(node)


def _of_one(node: fx.Node, size: list[int], batch: int) -> torch.Tensor:
    """What ``node`` draws of ``size``, for one sample where the samples are its first axis."""
    one = [1, *size[1:]] if size[:1] == [batch] else size

    def read(source: fx.Node) -> torch.Tensor:
        given = source.meta["val"]
        return torch.ones(one if list(given.shape) == size else given.shape, dtype=given.dtype)

    args = [one if isinstance(each, list | tuple) and list(each) == size else each for each in node.args]
    drawn = operator(node)(*fx.map_arg(tuple(args), read), **fx.map_arg(node.kwargs, read))
    result: torch.Tensor = drawn[0] if isinstance(drawn, tuple) else drawn
    return result


def _draws(node: fx.Node) -> bool:
    """Whether another run of it may give something else."""
    if not may_draw(node):
        return False
    if not is_call(node, *MAY_BE_OFF):
        return True
    given = arguments(node)
    chance = given.get("p", given.get("dropout_p", 1.0))
    return bool(given.get("train", given.get("training", True)) and chance > 0)


def _told(nodes: Iterable[fx.Node]) -> str:
    return ", ".join(sorted({str(node.target) for node in nodes}))
