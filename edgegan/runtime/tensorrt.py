"""TensorRT plans, of TensorRT proper or TensorRT for RTX; the two share their Python interface."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgegan.core.errors import ArtifactError
from edgegan.core.tensorrt import LIBRARIES, open_library
from edgegan.runtime.cuda import open_memory, require_driver
from edgegan.runtime.preflight import check_plan, check_validity
from edgegan.runtime.session import Session


class VendorSession(Session):
    def _open(self) -> None:
        require_driver()
        trt = open_library(self.manifest.backend, "Running this plan")
        self._memory = open_memory()
        try:
            self._load(trt)
        except BaseException:
            self._close()
            raise

    def _load(self, trt: Any) -> None:
        plan = self.manifest.artifact.read_bytes()
        self._runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
        if LIBRARIES[self.manifest.backend].ahead_of_time and hasattr(self._runtime, "get_engine_validity"):
            check_validity(self.manifest, trt, self._runtime, plan)
        else:
            check_plan(self.manifest, trt, self._memory.compute_capability())
        if "version_compatible" in self.manifest.content["build"].get("flags", []):
            self._runtime.engine_host_code_allowed = True
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise ArtifactError(
                f"{trt.__name__} {trt.__version__} cannot load {self.manifest.artifact}; it was built with "
                f"{self.manifest.content['backend_version']}, for compute capability "
                f"{self.manifest.content['build'].get('compute_capability')}"
            )
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise ArtifactError(f"{self.manifest.artifact}: the GPU has too little free memory for this engine")
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
        """The vendor's objects in the order in which they were made of each other, then the memory."""
        for name in ("_context", "_engine", "_runtime"):
            self.__dict__.pop(name, None)
        self._memory.close()
