"""What an artifact is made of: operators, and the precision that each computes in."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgegan.bench.engine_layers import engine_layers
from edgegan.core.apart import apart
from edgegan.core.errors import ArtifactError, GeneratorError, MissingPackageError, last_line


@dataclass(frozen=True)
class Insides:
    """``layers``: ``[{operator, precision, count}]``, None with a ``layers_reason``. ``refused_by_gpu``: operators that
    LiteRT's GPU delegate refuses, by the rules of its source; None of other files."""

    layers: list[dict[str, Any]] | None
    layers_reason: str | None
    refused_by_gpu: list[str] | None


def insides(artifact: Path) -> Insides:
    """What is in an artifact, looked at by a process of its own. Raises ArtifactError where the file does not parse, or
    ends that process."""
    done = apart("edgegan.bench.layers", artifact)
    if done.returncode:
        raise ArtifactError(f"{artifact} cannot be read: {last_line(done.stderr)}")
    told = json.loads(done.stdout.splitlines()[-1])
    if "error" in told:
        raise ArtifactError(told["error"])
    return Insides(**told)


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


def _refused_by_gpu(artifact: Path) -> list[str] | None:
    from edgegan.export.gpu_delegate import refusals

    if artifact.suffix != ".tflite":
        return None
    try:
        return [str(each) for each in refusals(artifact)]
    except MissingPackageError:
        return None


if __name__ == "__main__":
    try:
        print(json.dumps(asdict(Insides(*layers(Path(sys.argv[1])), _refused_by_gpu(Path(sys.argv[1]))))))
    except GeneratorError as exc:
        print(json.dumps({"error": str(exc)}))
