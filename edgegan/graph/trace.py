"""A module traced to functional ATen operators, of which each thing that networks do has one form."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import fx

from edgegan.graph import patches, recurrent, warping
from edgegan.graph.assertions import Answers, ChecksHold
from edgegan.graph.decomposed import stand_in, whole
from edgegan.graph.draws import fix_draws
from edgegan.graph.editing import argument, arguments, is_call, shape
from edgegan.graph.operators import aten

ALIASES = {
    aten.subtract.Tensor: aten.sub.Tensor,
    aten.multiply.Tensor: aten.mul.Tensor,
    aten.true_divide.Tensor: aten.div.Tensor,
    aten.divide.Tensor: aten.div.Tensor,
}
TAKEN_APART = {**patches.DECOMPOSITIONS, **recurrent.DECOMPOSITIONS, **warping.DECOMPOSITIONS}
BATCH_STATISTICS = (aten._native_batch_norm_legit_functional.default, aten._native_batch_norm_legit.no_stats)


def functional(
    module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], answers: Answers | None = None
) -> fx.GraphModule:
    """Trace a module to functional ATen operators; composite operators such as conv2d and batch_norm stay whole.
    ``answers``: what the module's own checks saw when it was run."""
    with warnings.catch_warnings(), torch.no_grad(), ChecksHold(answers or {}):
        warnings.simplefilter("ignore")
        program = torch.export.export(module, inputs, strict=False).run_decompositions(TAKEN_APART)
        traced = program.module(check_guards=False)
    assert isinstance(traced, fx.GraphModule)
    _drop_assertions(traced)
    _hold_constants(traced)
    fix_draws(traced, len(inputs[0]))
    _plain_operators(traced)
    _assigned_values(traced)
    whole(traced)
    _norms_of_the_batch(traced)
    _views_to_reshapes(traced)
    return traced


def _hold_constants(module: fx.GraphModule) -> None:
    """Weights that the traced code kept as plain tensors become buffers, which are copied, converted and counted."""
    held = dict([*module.named_parameters(), *module.named_buffers()])
    for index, node in enumerate([n for n in module.graph.nodes if n.op == "get_attr" and str(n.target) not in held]):
        value: Any = module
        for part in str(node.target).split("."):
            value = getattr(value, part)
        if isinstance(value, torch.Tensor):
            node.target = f"constant_{index}"
            module.register_buffer(node.target, value.detach().clone())


def _plain_operators(module: fx.GraphModule) -> None:
    """One name for operators that PyTorch has under several."""
    for node in module.graph.nodes:
        if node.op == "call_function":
            node.target = ALIASES.get(node.target, node.target)


def _assigned_values(module: fx.GraphModule) -> None:
    """What is written over a part of a tensor, which tracing makes a copy into what was there, is that value itself, in
    the part's shape and type; a copy has no derivative."""
    for node in [n for n in module.graph.nodes if is_call(n, aten.copy.default)]:
        value: fx.Node = argument(node, 1)
        kind, size = value.meta["val"].dtype, shape(value)
        with module.graph.inserting_before(node):
            call, wanted = module.graph.call_function, node.meta["val"]
            if kind != wanted.dtype:
                value = call(aten.to.dtype, (value, wanted.dtype))
            if size != shape(node):
                value = call(aten.expand.default, (value, list(shape(node))))
        node.replace_all_uses_with(value)
        module.graph.erase_node(node)


def _drop_assertions(module: fx.GraphModule) -> None:
    """What the tracer asserts of dtypes holds, or it would not have traced; a copy in another dtype would trip."""
    for node in list(module.graph.nodes):
        if node.op == "call_function" and node.target is aten._assert_tensor_metadata.default:
            module.graph.erase_node(node)


def _views_to_reshapes(module: fx.GraphModule) -> None:
    """A view relies on the strides before it, which a rewrite may change; a reshape does not."""
    for node in module.graph.nodes:
        if node.op == "call_function" and node.target in (aten.view.default, aten._unsafe_view.default):
            node.target = aten.reshape.default
    module.recompile()


def _norms_of_the_batch(module: fx.GraphModule) -> None:
    """BatchNorm by the statistics of what it is given, with which public code writes AdaIN (each sample's maps as
    channels of one), becomes InstanceNorm, which it is; exporters take the internal operator for BatchNorm in
    evaluation."""
    for node in [n for n in module.graph.nodes if is_call(n, *BATCH_STATISTICS)]:
        given = arguments(node)
        source, axes = given["input"], len(shape(given["input"])) - 2
        batch, channels, *sizes = shape(source)
        per_channel = [1, channels, *[1] * axes]
        with module.graph.inserting_before(node):
            call = module.graph.call_function
            if batch > 1:
                swapped = call(aten.transpose.int, (source, 0, 1))
                source = call(aten.reshape.default, (swapped, [1, channels, batch * sizes[0], *sizes[1:]]))
            unit = (None, None, None, None, True, 0.0, given["eps"], False)
            value = call(aten.instance_norm.default, (source, *unit))
            if batch > 1:
                apart = call(aten.reshape.default, (value, [channels, batch, *sizes]))
                value = call(aten.transpose.int, (apart, 0, 1))
            for held, operation in ((given["weight"], aten.mul.Tensor), (given["bias"], aten.add.Tensor)):
                if held is not None:
                    value = call(operation, (value, call(aten.reshape.default, (held, per_channel))))
        stand_in(node, value)
    module.recompile()
