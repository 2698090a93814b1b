"""ONNX Runtime on the CPU: float32, and int8 with affine activations; no int8 transposed convolution."""

from __future__ import annotations

from edgegan.compress.backends.onnx import OnnxBuilder
from edgegan.quantize.scheme import ONNXRUNTIME


class OnnxRuntimeBuilder(OnnxBuilder):
    session = "onnxruntime"
    label = "ONNX Runtime"
    scheme = ONNXRUNTIME


BUILDER = OnnxRuntimeBuilder()
