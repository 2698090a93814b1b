"""The same network for another batch size: captured graphs carry the batch in their reshapes."""

from __future__ import annotations

import torch
from torch import fx

from edgegan.graph.editing import argument, input_of, is_call
from edgegan.graph.operators import SIZED


def rebatch(module: fx.GraphModule, before: int, after: int) -> None:
    """Edit in place the sizes that begin with the batch; ``runs_alike`` says whether that was all it took."""
    for node in module.graph.nodes:
        if is_call(node, *SIZED) and len(argument(node, 1)) > 1 and argument(node, 1)[0] == before:
            node.args = (input_of(node), [after, *argument(node, 1)[1:]], *node.args[2:])
    module.recompile()


@torch.no_grad()
def runs_alike(single: fx.GraphModule, many: fx.GraphModule, inputs: tuple[torch.Tensor, ...], batch: int) -> bool:
    """Whether ``many`` gives for a stack of samples what ``single`` gives for them in pieces of ``batch``.

    On average, not everywhere: a simulated rounding may fall to the other side.
    """
    try:
        stacked = many(*inputs)
    except RuntimeError:
        return False
    pieces = [single(*(t[i : i + batch] for t in inputs)) for i in range(0, len(inputs[0]), batch)]
    wanted = torch.cat(pieces)
    return stacked.shape == wanted.shape and bool((stacked - wanted).abs().mean() <= 1e-3 * wanted.abs().mean() + 1e-6)
