"""ONNX Runtime's CUDA provider: a GPU without TensorRT."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgegan.core.errors import DeviceError
from edgegan.runtime.cuda import open_memory
from edgegan.runtime.device_array import DeviceArray, Freed
from edgegan.runtime.onnxruntime import VendorSession as CpuSession
from edgegan.runtime.session import Prepared

PROVIDER = "CUDAExecutionProvider"


class VendorSession(CpuSession):
    providers = ((PROVIDER, {"cudnn_conv_algo_search": "EXHAUSTIVE"}), "CPUExecutionProvider")

    def _open(self) -> None:
        import onnxruntime as ort

        if PROVIDER not in ort.get_available_providers():
            raise DeviceError(
                "this ONNX Runtime has no CUDA provider; instead of onnxruntime install onnxruntime-gpu: pip install "
                "onnxruntime-gpu"
            )
        super()._open()
        if self._session.get_providers()[0] != PROVIDER:
            self._close()
            raise DeviceError(
                "ONNX Runtime's CUDA provider does not start here: it needs an NVIDIA driver, CUDA 12 and cuDNN 9"
            )
        self._output = self._session.get_outputs()[0]

    def _run_on_device(self, arrays: Sequence[DeviceArray], out: DeviceArray | None) -> DeviceArray:
        shape = tuple(self._output.shape)
        if out is None:
            own, dtype = open_memory(), np.dtype(np.uint8 if self.manifest.gives_pixels else np.float32)
            out = DeviceArray(own.allocate(int(np.prod(shape)) * dtype.itemsize), shape, dtype, Freed(own))
        binding = self._session.io_binding()
        for index, name in self._feeds:
            given = arrays[index]
            binding.bind_input(name, "cuda", given.device, given.dtype, given.shape, given.address)
        binding.bind_output(self._output.name, "cuda", out.device, out.dtype, out.shape, out.address)
        self._session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        return out

    def _prepare(self, arrays: list[np.ndarray]) -> Prepared:
        given = [_on_device(array) for array in arrays]
        out = self._run_on_device(given, None)
        return Prepared(lambda: self._run_on_device(given, out))


def _on_device(array: np.ndarray) -> DeviceArray:
    own = open_memory()
    address = own.allocate(array.nbytes)
    own.to_device(address, array)
    own.synchronize()
    return DeviceArray(address, array.shape, array.dtype, Freed(own))
