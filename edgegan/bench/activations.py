"""Every intermediate tensor of an artifact for given inputs, in the order in which it is computed, as float32."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from edgegan.core.errors import ArtifactError, MissingPackageError, TargetError


def activations(artifact: Path, inputs: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """(name, values) of an ``.onnx`` or ``.tflite``, the inputs of one run given in the order of ``forward``'s
    arguments.

    Integer activations are brought back to real numbers by their scale and zero point. Raises TargetError for other
    files, ArtifactError for broken ones.
    """
    readers = {".onnx": _onnx, ".tflite": _litert}
    if artifact.suffix not in readers:
        raise TargetError(
            f"{artifact}: the layers of a {artifact.suffix or 'file without suffix'} cannot be seen; compare takes "
            ".onnx and .tflite"
        )
    return readers[artifact.suffix](artifact, inputs)


def _onnx(artifact: Path, inputs: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    try:
        import onnx
        import onnxruntime as ort
    except ImportError as exc:
        raise MissingPackageError("onnxruntime", "onnxruntime", "Comparing layers") from exc
    try:
        model = onnx.load(artifact)
        made = [
            name
            for node in model.graph.node
            if node.op_type not in ("Constant", "QuantizeLinear")
            for name in node.output
            if name
        ]
        del model.graph.output[:]
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made)
        settings = ort.SessionOptions()
        settings.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        settings.log_severity_level = 4
        session = ort.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
        values = session.run(
            None, {place.name: given for place, given in zip(session.get_inputs(), inputs.values(), strict=True)}
        )
    except Exception as exc:
        raise ArtifactError(f"{artifact}: ONNX Runtime cannot run it with every tensor shown: {exc}") from exc
    for name, value in zip(made, values, strict=True):
        if np.issubdtype(value.dtype, np.floating):
            yield name, value.astype(np.float32)


def _litert(artifact: Path, inputs: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        from edgegan.runtime.litert import inputs_by_argument
    except ImportError as exc:
        raise MissingPackageError("ai_edge_litert", "litert", "Comparing layers") from exc
    try:
        interpreter = Interpreter(
            str(artifact),
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        interpreter.allocate_tensors()
        given = list(inputs.values())
        for argument, place in inputs_by_argument(interpreter).items():
            interpreter.set_tensor(place["index"], given[argument].astype(place["dtype"], copy=False))
        interpreter.invoke()
    except (ValueError, RuntimeError) as exc:
        raise ArtifactError(f"{artifact}: LiteRT cannot run it with every tensor kept: {exc}") from exc
    details = {d["index"]: d for d in interpreter.get_tensor_details()}
    for operation in interpreter._get_ops_details():
        detail = details[int(operation["outputs"][0])]
        value = interpreter.get_tensor(detail["index"])
        if np.issubdtype(value.dtype, np.floating):
            yield detail["name"], value.astype(np.float32)
        elif (quantization := detail["quantization_parameters"])["scales"].size:
            yield (
                detail["name"],
                (value.astype(np.float32) - quantization["zero_points"][0]) * quantization["scales"][0],
            )
