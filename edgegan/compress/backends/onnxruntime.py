"""ONNX Runtime. On the CPU: float32, and int8 with affine activations; no int8 transposed convolution. On an NVIDIA GPU
by its CUDA provider: float16 and float32, since its int8 layers are computed in float."""

from __future__ import annotations

from collections.abc import Collection

from edgegan.compress.backends.contract import Variant
from edgegan.compress.backends.onnx import OnnxBuilder
from edgegan.quantize.scheme import ONNXRUNTIME, FloatParts


class OnnxRuntimeBuilder(OnnxBuilder):
    session = "onnxruntime"
    label = "ONNX Runtime"
    scheme = ONNXRUNTIME


class CudaBuilder(OnnxRuntimeBuilder):
    label = "ONNX Runtime (CUDA)"
    composes = False
    stand_in = "ONNX Runtime on the CPU, on the graph that its CUDA provider is given"

    def variants(self, precision: str, parts: Collection[FloatParts]) -> tuple[Variant, ...]:
        return (Variant(),) if precision in ("fp32", "fp16") else ()


BUILDER, CUDA_BUILDER = OnnxRuntimeBuilder(), CudaBuilder()
