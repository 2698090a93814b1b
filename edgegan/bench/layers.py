"""What an artifact is made of: operators, and the precision that each computes in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from edgegan.bench.engine_layers import engine_layers
from edgegan.core.errors import ArtifactError


def layers(artifact: Path) -> tuple[list[dict[str, Any]] | None, str | None]:
    """``[{operator, precision, count}]``, or None and the reason. Raises ArtifactError where the file does not
    parse."""
    if artifact.suffix == ".tflite":
        return _litert(artifact)
    if artifact.suffix == ".onnx":
        return _onnx(artifact)
    if artifact.suffix == ".plan":
        return engine_layers(artifact)
    return None, f"nothing here reads the layers of a {artifact.suffix} file"


def _litert(artifact: Path) -> tuple[list[dict[str, Any]] | None, str | None]:
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError:
        return None, "ai_edge_litert is not installed (pip install 'edgegan[litert]')"
    try:
        interpreter = Interpreter(
            str(artifact), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        )
    except (ValueError, RuntimeError) as exc:
        raise ArtifactError(f"LiteRT cannot read {artifact}: {exc}") from exc
    types = {d["index"]: d["dtype"].__name__ for d in interpreter.get_tensor_details()}
    counts = Counter((op["op_name"], types.get(int(op["outputs"][0]), "?")) for op in interpreter._get_ops_details())
    return _rows(counts), None


def _onnx(artifact: Path) -> tuple[list[dict[str, Any]] | None, str | None]:
    try:
        import onnx
    except ImportError:
        return None, "onnx is not installed (pip install 'edgegan[compress]')"
    try:
        model = onnx.load(artifact)
    except Exception as exc:
        raise ArtifactError(f"{artifact} is not a sound ONNX file: {exc}") from exc
    dequantized = {n.output[0] for n in model.graph.node if n.op_type == "DequantizeLinear"}
    counts = Counter(
        (n.op_type, "int8" if any(i in dequantized for i in n.input) else "float32")
        for n in model.graph.node
        if n.op_type != "Constant"
    )
    return _rows(counts), None


def _rows(counts: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {"operator": name, "precision": precision, "count": count} for (name, precision), count in counts.most_common()
    ]
