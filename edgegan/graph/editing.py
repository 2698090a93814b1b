"""Small tools that the passes share: reading weights, adding weights, asking for shapes and sole users."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeGuard, cast

import torch
from torch import fx

from edgegan.graph.operators import COPYING_PADS, LAYERS, TRANSPOSED, UPSAMPLES, aten


def is_call(node: Any, *targets: Any) -> TypeGuard[fx.Node]:
    return isinstance(node, fx.Node) and node.op == "call_function" and node.target in targets


def argument(node: fx.Node, place: int) -> Any:
    """An argument of a call. torch.fx types each as a union of everything that a graph may hold; what it is follows
    from the operator, which the caller has looked at."""
    return node.args[place]


def input_of(node: fx.Node) -> fx.Node:
    """What a call reads first, of an operator whose first argument is a tensor."""
    return cast("fx.Node", node.args[0])


def operator(node: fx.Node) -> Any:
    """What a call computes; torch.fx would allow a name as well."""
    return node.target


def may_draw(node: fx.Node) -> bool:
    """Whether a call is of an operator that draws at random, if only in training."""
    return torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())


def shape(node: fx.Node) -> tuple[int, ...]:
    return tuple(node.meta["val"].shape)


def sole_user(node: fx.Node) -> fx.Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def weight(module: fx.GraphModule, node: Any) -> torch.Tensor | None:
    """The tensor behind a get_attr node; None for anything else."""
    if not isinstance(node, fx.Node) or node.op != "get_attr":
        return None
    value: Any = module
    for part in str(node.target).split("."):
        value = getattr(value, part)
    return value.detach() if isinstance(value, torch.Tensor) else None


def has_fixed_statistics(node: fx.Node) -> bool:
    """Whether ``node`` normalises by statistics that it holds: BatchNorm, or InstanceNorm that tracked its own, in
    evaluation."""
    if is_call(node, aten.batch_norm.default):
        return not arguments(node)["training"]
    return is_call(node, aten.instance_norm.default) and not arguments(node)["use_input_stats"]


def copied_padding(node: fx.Node) -> tuple[str, list[int]] | None:
    """``reflect`` or ``replicate`` and the margins, last axis first, of a padding by the map's own values; None for
    anything else."""
    if is_call(node, aten.pad.default):
        mode = arguments(node)["mode"]
        return (mode, list(argument(node, 1))) if mode in ("reflect", "replicate") else None
    return (COPYING_PADS[operator(node)], list(argument(node, 1))) if is_call(node, *COPYING_PADS) else None


def factors(node: Any) -> tuple[int, int] | None:
    """Whole numbers of times that nearest upsampling repeats rows and columns; None for other sizes, and other
    operators."""
    if not is_call(node, *UPSAMPLES):
        return None
    before, after = shape(input_of(node))[2:], shape(node)[2:]
    call = arguments(node)
    asked = call["scale_factors"] if "scale_factors" in call else [call["scales_h"], call["scales_w"]]
    if any(a % b for a, b in zip(after, before, strict=True)) or any(
        f is not None and f * b != a for f, b, a in zip(asked or (), before, after, strict=False)
    ):
        return None
    return after[0] // before[0], after[1] // before[1]


def channel_values(module: fx.GraphModule, value: Any, channels: int, rank: int) -> torch.Tensor | None:
    """A number, or a constant tensor with one value per channel, as float64 (channels,); None for anything else."""
    if isinstance(value, int | float):
        return torch.full((channels,), float(value), dtype=torch.float64)
    held = weight(module, value)
    if held is None or not held.is_floating_point():
        return None
    full = [1] * (rank - held.ndim) + list(held.shape)
    if held.ndim > rank or any(size != 1 for dim, size in enumerate(full) if dim != 1) or full[1] not in (1, channels):
        return None
    return held.double().reshape(-1).expand(channels)


def weighted_layers(module: fx.GraphModule) -> list[fx.Node]:
    """Convolutions, transposed ones and linear layers that hold constant weights, in the order in which they run."""
    return [n for n in module.graph.nodes if is_call(n, *LAYERS, *TRANSPOSED) and weight(module, n.args[1]) is not None]


def add_weight(module: fx.GraphModule, name: str, value: torch.Tensor) -> fx.Node:
    """Register a tensor (a parameter where it is floating) and return a get_attr node for it at the graph's head."""
    name = name.replace(".", "_")
    taken, free = set(dict(module.named_parameters())) | set(dict(module.named_buffers())), name
    while free in taken or hasattr(module, free):
        free = f"{name}_{len(taken)}" if free == name else f"{free}_"
    value = value.detach().contiguous()
    if value.is_floating_point():
        module.register_parameter(free, torch.nn.Parameter(value, requires_grad=False))
    else:
        module.register_buffer(free, value)
    with module.graph.inserting_before(next(iter(module.graph.nodes))):
        node = module.graph.get_attr(free)
    return node


def arguments(node: fx.Node) -> dict[str, Any]:
    """The call's arguments by the operator's own parameter names, defaults filled in."""
    schema = node.target._schema  # type: ignore[union-attr]
    values = {}
    for index, parameter in enumerate(schema.arguments):
        if index < len(node.args):
            values[parameter.name] = node.args[index]
        else:
            values[parameter.name] = node.kwargs.get(
                parameter.name, parameter.default_value if parameter.has_default_value() else None
            )
    return values


def pair(value: int | list[int] | tuple[int, ...], rank: int = 2) -> tuple[int, ...]:
    """An operator's int or list as a tuple of ``rank`` ints."""
    if isinstance(value, int):
        return (value,) * rank
    return tuple(value) * rank if len(value) == 1 else tuple(value)


def sized(node: fx.Node, size: Sequence[int]) -> fx.Node:
    """``node``, which was just made, with a shape for those who ask before the next refresh gives it its type too."""
    node.meta["val"] = torch.empty(*size, device="meta")
    return node


def replace(node: fx.Node, build: Callable[..., fx.Node]) -> fx.Node:
    """Put what ``build`` makes in the place of ``node``, and return it."""
    with node.graph.inserting_before(node):
        new = build(node.graph)
    new.meta.setdefault("val", node.meta["val"])
    node.replace_all_uses_with(new)
    node.graph.erase_node(node)
    return new
