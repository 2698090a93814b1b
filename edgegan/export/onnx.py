"""Graph -> ONNX, weights inside the file."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Sequence
from functools import cache, wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from edgegan.core.errors import TargetError, first_line
from edgegan.core.files import atomic_path
from edgegan.graph.graph import Graph

OPSET, HALF_OPSET = 18, 19
"""From 19 on the scales of quantize and dequantize may be float16, and with them all arithmetic between int8 layers."""


def export_onnx(graph: Graph, path: Path, half: bool = False) -> Path:
    """Write ``graph`` as ONNX (opset 18); ``half`` computes in float16 between float32 inputs and outputs.

    Inputs keep the spec's names, the output the spec's output_name. Raises TargetError with the exporter's reason.
    """
    module: torch.nn.Module = _Half(graph.module) if half else graph.module
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    _parse_torchlib_once()
    _match_by_kind_first()
    quiet = io.StringIO()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(quiet),
            contextlib.redirect_stderr(quiet),
            torch.no_grad(),
        ):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module,
                graph.example_inputs(),
                dynamo=True,
                opset_version=OPSET,
                verbose=False,
                input_names=[i.name for i in graph.spec.inputs],
                output_names=[graph.spec.output_name],
            )
    except Exception as exc:
        raise TargetError(f"torch.onnx cannot export the generator: {first_line(exc)}") from exc
    assert program is not None
    _forget_the_code(program.model)
    with atomic_path(path) as temporary:
        program.save(str(temporary), external_data=False)
    return path


@cache
def _parse_torchlib_once() -> None:
    """torch.onnx parses the source of all of torchlib's functions at every export, which takes as long as the export of
    a layer; it has no setting for that (2.13). Where it is made otherwise, nothing is changed."""
    from torch.onnx._internal import _lazy_import

    apis: Any = getattr(_lazy_import, "onnxscript_apis", None)
    if hasattr(apis, "_name") and hasattr(apis, "get_torchlib_ops"):
        module: Any = import_module(apis._name)
        module.get_torchlib_ops = cache(module.get_torchlib_ops)


@cache
def _match_by_kind_first() -> None:
    """onnxscript sorts all of a graph's nodes by their kind, at every node, to look for patterns that end in several,
    before it asks whether the node is of the first one's kind: a third of the export of a network of 350 layers. Where
    it is made otherwise, nothing is changed."""
    try:
        matcher: Any = import_module("onnxscript.rewriter._matcher").SimplePatternMatcher
        no_match: Any = import_module("onnxscript.rewriter._basics").MatchResult
    except (ImportError, AttributeError):
        return
    match = matcher.match

    @wraps(match)
    def quickly(self: Any, model: Any, graph: Any, node: Any, **settings: Any) -> Any:
        kinds = [end.op_identifier() for end in self.pattern.output_nodes]
        if len(kinds) > 1 and kinds[0] not in (None, node.op_identifier()):
            return no_match().fail("another kind of node")
        return match(self, model, graph, node, **settings)

    matcher.match = quickly


def _forget_the_code(model: Any) -> None:
    """Drop what the exporter notes beside the operators: lines and file names of the user's code, which would leave the
    machine with the artifact and make its hash depend on where the code lies."""
    for part in (model, model.graph, *model.graph.all_nodes()):
        part.metadata_props.clear()


NORMS = (
    "InstanceNormalization", "LayerNormalization", "GroupNormalization", "ReduceMean", "ReduceSum", "ReduceSumSquare",
    "ReduceL2", "Pow", "Sqrt", "Reciprocal",
)  # fmt: skip
"""Operators of normalisation, whose sums of squares float16 may not hold."""


def has_norms(file: Path) -> bool:
    import onnx

    return any(node.op_type in NORMS for node in onnx.load(file, load_external_data=False).graph.node)


def halve(source: Path, target: Path, keep: Sequence[str] = ()) -> Path:
    """Write the file ``source`` as ``target`` (opset 19) with every float32 tensor in float16, scales too, so that what
    a quantized graph leaves in float computes in that; inputs and outputs, and operators of the types to ``keep``, stay
    as they are.

    The converter casts a constant once for each reader that must have float32 (Resize), always by the same name, and
    leaves its casts anywhere in the list.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    original = onnx.load(source)
    for opset in original.opset_import:
        opset.version = max(opset.version, HALF_OPSET) if opset.domain in ("", "ai.onnx") else opset.version
    model = convert_float_to_float16(
        original, keep_io_types=True, op_block_list=list(keep), force_fp16_initializers=True
    )
    once = {tuple(node.output): node for node in model.graph.node}
    del model.graph.node[:]
    model.graph.node.extend(once.values())
    OnnxModel(model).topological_sort()
    with atomic_path(target) as temporary:
        onnx.save(model, temporary)
    return target


class _Half(torch.nn.Module):
    """float32 in, float16 inside, float32 out."""

    def __init__(self, module: torch.fx.GraphModule) -> None:
        import copy

        super().__init__()
        self.inner = copy.deepcopy(module).half()
        for node in self.inner.graph.nodes:
            if node.op == "call_function":
                node.args = tuple(torch.float16 if a is torch.float32 else a for a in node.args)
                node.kwargs = {k: torch.float16 if v is torch.float32 else v for k, v in node.kwargs.items()}
        self.inner.recompile()

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.inner(*(t.half() if t.is_floating_point() else t for t in inputs))
        return output.float() if output.is_floating_point() else output
