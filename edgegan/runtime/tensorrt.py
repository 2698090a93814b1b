"""TensorRT plans, of TensorRT proper or TensorRT for RTX; the two share their Python interface."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from edgegan.core.errors import ArtifactError, MissingPackageError
from edgegan.runtime.cuda import open_memory, require_driver
from edgegan.runtime.session import Session


class VendorSession(Session):
    def _open(self) -> None:
        require_driver()
        module = "tensorrt_rtx" if self.manifest.backend == "tensorrt-rtx" else "tensorrt"
        try:
            trt: Any = import_module(module)
        except (ImportError, OSError) as exc:
            raise MissingPackageError(module, self.manifest.backend, "Running this plan") from exc
        self._runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
        self._engine = self._runtime.deserialize_cuda_engine(self.manifest.artifact.read_bytes())
        if self._engine is None:
            raise ArtifactError(
                f"{module} {trt.__version__} cannot load {self.manifest.artifact}; it was built with "
                f"{self.manifest.content['backend_version']}, for compute capability "
                f"{self.manifest.content['build'].get('compute_capability')}"
            )
        self._context = self._engine.create_execution_context()
        self._memory = open_memory()
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        outputs = [n for n in names if self._engine.get_tensor_mode(n) == trt.TensorIOMode.OUTPUT]
        self._image = np.empty(
            tuple(self._engine.get_tensor_shape(outputs[0])), np.uint8 if self.manifest.gives_pixels else np.float32
        )
        self._addresses = {}
        for name, shape, dtype in zip(self.names, self.shapes, self.dtypes, strict=True):
            if name in names:
                self._addresses[name] = self._memory.allocate(int(np.prod(shape)) * dtype.itemsize)
        self._result = self._memory.allocate(self._image.nbytes)
        for name, address in [*self._addresses.items(), (outputs[0], self._result)]:
            self._context.set_tensor_address(name, address)

    def _run(self, arrays: list[np.ndarray]) -> np.ndarray:
        for name, array in zip(self.names, arrays, strict=True):
            if name in self._addresses:
                self._memory.to_device(self._addresses[name], array)
        if not self._context.execute_async_v3(self._memory.stream):
            raise ArtifactError(f"TensorRT failed to run {self.manifest.artifact}")
        self._memory.to_host(self._image, self._result)
        self._memory.synchronize()
        return self._image.copy()

    def _close(self) -> None:
        del self._context, self._engine, self._runtime
        self._memory.close()
