"""Device memory, page-locked memory of the host, a stream and recorded graphs for TensorRT: by cuda-python, or by
pycuda where that is what the device has. One small interface for both."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from edgegan.core.errors import DeviceError, MissingPackageError

RUNTIMES = ("cuda.bindings.runtime", "cuda.cudart")
"""cuda-python's module, from 12.6 on and before."""


class Memory(Protocol):
    """A stream and what belongs to it; ``int`` is a device address. ``close`` frees all, and may be called twice."""

    stream: int

    def compute_capability(self) -> str: ...
    def allocate(self, size: int) -> int: ...
    def pinned(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray: ...
    def to_device(self, address: int, array: np.ndarray) -> None: ...
    def to_host(self, array: np.ndarray, address: int) -> None: ...
    def copy(self, target: int, source: int, size: int) -> None: ...
    def synchronize(self) -> None: ...
    def wait_for(self, stream: int) -> None: ...

    def free_bytes(self) -> int:
        """Of the device's memory, by its driver."""
        ...

    def timed(self, work: Callable[[], object]) -> float:
        """Milliseconds that the GPU takes for what ``work`` puts on the stream, by its own events."""
        ...

    def record(self, work: Callable[[], object]) -> Callable[[], None]:
        """What ``work`` puts on the stream, as one call that repeats it. Raises DeviceError where that cannot be
        recorded."""
        ...

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
    """By the first of cuda-python and pycuda that is installed."""
    for name in RUNTIMES:
        try:
            return CudaPython(import_module(name))
        except ImportError:
            continue
    try:
        import_module("pycuda.autoprimaryctx")
        return PyCuda(import_module("pycuda.driver"))
    except ImportError as exc:
        raise MissingPackageError("cuda-python", "tensorrt", "Running a TensorRT plan") from exc


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
        self._freed: list[tuple[Callable[..., Any], Any]] = []
        self.stream = int(self._owned(runtime.cudaStreamDestroy, self._checked(runtime.cudaStreamCreate())))

    def _owned(self, free: Callable[..., Any], what: Any) -> Any:
        """``what``, freed by ``free`` at the end."""
        self._freed.append((free, what))
        return what

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
        return int(self._owned(self._cuda.cudaFree, self._checked(self._cuda.cudaMalloc(size))))

    def pinned(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        size = int(np.prod(shape)) * dtype.itemsize
        address = int(self._owned(self._cuda.cudaFreeHost, self._checked(self._cuda.cudaHostAlloc(size, 0))))
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address)).view(dtype).reshape(shape)

    def to_device(self, address: int, array: np.ndarray) -> None:
        self._copy(address, array.ctypes.data, array.nbytes, self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice)

    def to_host(self, array: np.ndarray, address: int) -> None:
        self._copy(array.ctypes.data, address, array.nbytes, self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost)

    def copy(self, target: int, source: int, size: int) -> None:
        self._copy(target, source, size, self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToDevice)

    def _copy(self, target: int, source: int, size: int, kind: Any) -> None:
        self._checked(self._cuda.cudaMemcpyAsync(target, source, size, kind, self.stream))

    def synchronize(self) -> None:
        self._checked(self._cuda.cudaStreamSynchronize(self.stream))

    def wait_for(self, stream: int) -> None:
        self._checked(self._cuda.cudaStreamSynchronize(stream))

    def free_bytes(self) -> int:
        return int(self._checked(self._cuda.cudaMemGetInfo()))

    def timed(self, work: Callable[[], object]) -> float:
        start, end = (self._checked(self._cuda.cudaEventCreate()) for _ in range(2))
        try:
            self._checked(self._cuda.cudaEventRecord(start, self.stream))
            work()
            self._checked(self._cuda.cudaEventRecord(end, self.stream))
            self._checked(self._cuda.cudaEventSynchronize(end))
            return float(self._checked(self._cuda.cudaEventElapsedTime(start, end)))
        finally:
            for event in (start, end):
                self._checked(self._cuda.cudaEventDestroy(event))

    def record(self, work: Callable[[], object]) -> Callable[[], None]:
        cuda = self._cuda
        self._checked(
            cuda.cudaStreamBeginCapture(self.stream, cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal)
        )
        try:
            work()
        finally:
            ended = cuda.cudaStreamEndCapture(self.stream)
        graph = self._owned(cuda.cudaGraphDestroy, self._checked(ended))
        instance = self._owned(cuda.cudaGraphExecDestroy, self._checked(cuda.cudaGraphInstantiate(graph, 0)))
        return lambda: self._checked(cuda.cudaGraphLaunch(instance, self.stream))

    def close(self) -> None:
        while self._freed:
            free, what = self._freed.pop()
            self._checked(free(what))


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

    def pinned(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        array: np.ndarray = self._cuda.pagelocked_empty(shape, dtype)
        return array

    def to_device(self, address: int, array: np.ndarray) -> None:
        self._cuda.memcpy_htod_async(address, array, self._stream)

    def to_host(self, array: np.ndarray, address: int) -> None:
        self._cuda.memcpy_dtoh_async(array, address, self._stream)

    def copy(self, target: int, source: int, size: int) -> None:
        self._cuda.memcpy_dtod_async(target, source, size, self._stream)

    def synchronize(self) -> None:
        self._stream.synchronize()

    def wait_for(self, stream: int) -> None:
        self._cuda.Context.synchronize()

    def free_bytes(self) -> int:
        return int(self._cuda.mem_get_info()[0])

    def timed(self, work: Callable[[], object]) -> float:
        start, end = self._cuda.Event(), self._cuda.Event()
        start.record(self._stream)
        work()
        end.record(self._stream)
        end.synchronize()
        return float(start.time_till(end))

    def record(self, work: Callable[[], object]) -> Callable[[], None]:
        raise DeviceError("pycuda records no CUDA graphs; cuda-python does")

    def close(self) -> None:
        while self._owned:
            self._owned.pop().free()
