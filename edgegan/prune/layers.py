"""A Graph as a module of ordinary layers: what an optimiser trains.

Going through the captured graph, rather than the user's modules, trains functional code, .pt2 and .onnx files alike.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import fx, nn

from edgegan.graph.editing import arguments, has_fixed_statistics, input_of, is_call, operator, pair, weight
from edgegan.graph.graph import Graph
from edgegan.graph.operators import aten

PRUNABLE = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.Linear)
MODULES = {
    aten.conv1d.default: (nn.Conv1d, 1),
    aten.conv2d.default: (nn.Conv2d, 2),
    aten.conv_transpose1d.default: (nn.ConvTranspose1d, 1),
    aten.conv_transpose2d.input: (nn.ConvTranspose2d, 2),
}


def layered(graph: Graph) -> fx.GraphModule:
    """A copy whose convolutions, linear layers, norms and PReLUs are nn.Modules with trainable weights, in eval
    mode."""
    module = copy.deepcopy(graph.module)
    for node in list(module.graph.nodes):
        if node.op != "call_function":
            continue
        made = _layer(module, node)
        if made is None:
            continue
        name = f"layer_{node.name}"
        module.add_module(name, made)
        with module.graph.inserting_before(node):
            new = module.graph.call_module(name, (input_of(node),))
        new.meta = dict(node.meta)
        node.replace_all_uses_with(new)
        module.graph.erase_node(node)
    module.graph.eliminate_dead_code()
    module.delete_all_unused_submodules()
    module.recompile()
    for parameter in module.parameters():
        parameter.requires_grad_(True)
    return _in_eval(module)


def _in_eval(module: fx.GraphModule) -> fx.GraphModule:
    for child in module.modules():
        child.training = False
    return module


def _layer(module: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    call = arguments(node) if node.target is not None and hasattr(node.target, "_schema") else {}
    kernel, bias = weight(module, call.get("weight")), weight(module, call.get("bias"))
    if call.get("bias") is not None and bias is None:
        return None
    if node.target in MODULES and kernel is not None:
        return _convolution(node, call, kernel, bias)
    if is_call(node, aten.linear.default) and kernel is not None:
        return _filled(nn.Linear(kernel.shape[1], kernel.shape[0], bias is not None), weight=kernel, bias=bias)
    if has_fixed_statistics(node):
        mean, variance = weight(module, call["running_mean"]), weight(module, call["running_var"])
        if mean is None or variance is None:
            return None
        kind = {4: nn.BatchNorm2d, 5: nn.BatchNorm3d}.get(len(node.meta["val"].shape), nn.BatchNorm1d)
        norm = kind(len(mean), eps=call["eps"], momentum=0.1, affine=kernel is not None)
        return _filled(norm, weight=kernel, bias=bias, running_mean=mean, running_var=variance)
    if (
        is_call(node, aten.instance_norm.default)
        and kernel is not None
        and call["use_input_stats"]
        and len(node.meta["val"].shape) == 4
    ):
        return _filled(nn.InstanceNorm2d(len(kernel), eps=call["eps"], affine=True), weight=kernel, bias=bias)
    if is_call(node, aten.group_norm.default) and kernel is not None and call["num_groups"] == 1:
        return _filled(nn.GroupNorm(1, len(kernel), eps=call["eps"]), weight=kernel, bias=bias)
    if is_call(node, aten.prelu.default) and kernel is not None:
        return _filled(nn.PReLU(kernel.numel()), weight=kernel.flatten())
    return None


def _convolution(
    node: fx.Node, call: dict[str, Any], kernel: torch.Tensor, bias: torch.Tensor | None
) -> nn.Module | None:
    kind, rank = MODULES[operator(node)]
    if isinstance(call["padding"], str):
        return None
    transposed, groups = "transpose" in str(node.target), call["groups"]
    inputs, outputs = (
        (kernel.shape[0], kernel.shape[1] * groups) if transposed else (kernel.shape[1] * groups, kernel.shape[0])
    )
    settings = {
        "stride": pair(call["stride"], rank),
        "padding": pair(call["padding"], rank),
        "dilation": pair(call["dilation"], rank),
        "groups": groups,
        "bias": bias is not None,
    }
    if transposed:
        settings["output_padding"] = pair(call["output_padding"], rank)
    return _filled(kind(inputs, outputs, tuple(kernel.shape[2:]), **settings), weight=kernel, bias=bias)


@torch.no_grad()
def _filled(layer: nn.Module, **values: torch.Tensor | None) -> nn.Module:
    for name, value in values.items():
        if value is not None:
            getattr(layer, name).copy_(value)
    return layer
