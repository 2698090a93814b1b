"""Device memory for TensorRT: cuda-python, or pycuda where that is what the device has. One small interface for
both."""

from __future__ import annotations

import ctypes
from typing import Any, Protocol

import numpy as np

from edgegan.core.errors import DeviceError, MissingPackageError


class Memory(Protocol):
    """A stream and the copies on it; ``int`` is a device address."""

    stream: int

    def compute_capability(self) -> str: ...
    def allocate(self, size: int) -> int: ...
    def to_device(self, address: int, array: np.ndarray) -> None: ...
    def to_host(self, array: np.ndarray, address: int) -> None: ...
    def synchronize(self) -> None: ...
    def close(self) -> None: ...


def require_driver() -> None:
    """DeviceError where the machine has no NVIDIA driver."""
    for name in ("libcuda.so.1", "nvcuda.dll"):
        try:
            ctypes.CDLL(name)
            return
        except OSError:
            continue
    raise DeviceError(
        "this machine has no NVIDIA driver (libcuda.so.1), so a TensorRT plan cannot run here; run it on the target "
        "device."
    )


def open_memory() -> Memory:
    """The first of cuda-python and pycuda that is installed."""
    try:
        from cuda.bindings import runtime
    except ImportError:
        try:
            import pycuda.autoprimaryctx  # noqa: F401  (makes the context)
            import pycuda.driver as driver
        except ImportError as exc:
            raise MissingPackageError("cuda-python", "tensorrt", "Running a TensorRT plan") from exc
        return PyCuda(driver)
    return CudaPython(runtime)


def compute_capability() -> str:
    """Of the first GPU, such as 8.7. DeviceError or MissingPackageError where there is none to ask."""
    require_driver()
    memory = open_memory()
    try:
        return memory.compute_capability()
    finally:
        memory.close()


class CudaPython:
    def __init__(self, runtime: Any) -> None:
        self._cuda = runtime
        self._owned: list[int] = []
        self.stream = int(self._checked(runtime.cudaStreamCreate()))

    def _checked(self, result: tuple[Any, ...]) -> Any:
        error, *values = result
        if int(error) != 0:
            raise DeviceError(f"CUDA failed: {self._cuda.cudaGetErrorString(error)[1].decode()}")
        return values[0] if values else None

    def compute_capability(self) -> str:
        kinds, device = self._cuda.cudaDeviceAttr, int(self._checked(self._cuda.cudaGetDevice()))
        major, minor = (
            int(self._checked(self._cuda.cudaDeviceGetAttribute(kind, device)))
            for kind in (kinds.cudaDevAttrComputeCapabilityMajor, kinds.cudaDevAttrComputeCapabilityMinor)
        )
        return f"{major}.{minor}"

    def allocate(self, size: int) -> int:
        address = int(self._checked(self._cuda.cudaMalloc(size)))
        self._owned.append(address)
        return address

    def to_device(self, address: int, array: np.ndarray) -> None:
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._checked(self._cuda.cudaMemcpyAsync(address, array.ctypes.data, array.nbytes, kind, self.stream))

    def to_host(self, array: np.ndarray, address: int) -> None:
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._checked(self._cuda.cudaMemcpyAsync(array.ctypes.data, address, array.nbytes, kind, self.stream))

    def synchronize(self) -> None:
        self._checked(self._cuda.cudaStreamSynchronize(self.stream))

    def close(self) -> None:
        for address in self._owned:
            self._checked(self._cuda.cudaFree(address))
        self._owned = []
        self._checked(self._cuda.cudaStreamDestroy(self.stream))


class PyCuda:
    def __init__(self, driver: Any) -> None:
        self._cuda = driver
        self._owned: list[Any] = []
        self._stream = driver.Stream()
        self.stream = int(self._stream.handle)

    def compute_capability(self) -> str:
        major, minor = self._cuda.Context.get_device().compute_capability()
        return f"{major}.{minor}"

    def allocate(self, size: int) -> int:
        allocation = self._cuda.mem_alloc(size)
        self._owned.append(allocation)
        return int(allocation)

    def to_device(self, address: int, array: np.ndarray) -> None:
        self._cuda.memcpy_htod_async(address, array, self._stream)

    def to_host(self, array: np.ndarray, address: int) -> None:
        self._cuda.memcpy_dtoh_async(array, address, self._stream)

    def synchronize(self) -> None:
        self._stream.synchronize()

    def close(self) -> None:
        for allocation in self._owned:
            allocation.free()
        self._owned = []
