"""TensorRT plans, of TensorRT proper or TensorRT for RTX; the two share their Python interface.

One engine serves any number of threads: a call borrows a lane (an execution context, a stream, page-locked buffers)
that no other call has at the time. What a lane does for arrays of the host (copy in, compute, copy out) is recorded
once as a CUDA graph where that can be, and repeated by one launch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgegan.core.errors import ArtifactError, DeviceError, first_line
from edgegan.core.manifest import Manifest
from edgegan.core.tensorrt import LIBRARIES, open_library
from edgegan.runtime.cuda import compute_capability, open_memory, require_driver
from edgegan.runtime.device_array import DeviceArray, Freed
from edgegan.runtime.preflight import check_plan, check_validity
from edgegan.runtime.session import Prepared, Session, check_like


def open_engine(manifest: Manifest, trt: Any) -> tuple[Any, Any]:
    """The runtime and the engine of a plan, in the order in which they were made. Raises ArtifactError for one that is
    not for this machine, with what to do."""
    plan = manifest.artifact.read_bytes()
    runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
    build = manifest.content["build"]
    if LIBRARIES[manifest.backend].ahead_of_time and hasattr(runtime, "get_engine_validity"):
        check_validity(manifest, trt, runtime, plan)
    else:
        check_plan(manifest, trt, compute_capability())
    if "version_compatible" in build.get("flags", []):
        runtime.engine_host_code_allowed = True
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise ArtifactError(
            f"{trt.__name__} {trt.__version__} cannot load {manifest.artifact}; it was built with "
            f"{manifest.content['backend_version']}, for compute capability {build.get('compute_capability')}"
        )
    return runtime, engine


class VendorSession(Session):
    is_shared = True

    def _open(self) -> None:
        require_driver()
        trt = open_library(self.manifest.backend, "Running this plan")
        self._lanes: list[_Lane] = []
        self._idle: deque[_Lane] = deque()
        try:
            self._load(trt)
            self._idle.append(self._new_lane())
        except BaseException:
            self._close()
            raise
        self.notes = self._idle[0].notes

    def _load(self, trt: Any) -> None:
        self._runtime, self._engine = open_engine(self.manifest, trt)
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        self._output = next(n for n in names if self._engine.get_tensor_mode(n) == trt.TensorIOMode.OUTPUT)
        self._output_shape = tuple(self._engine.get_tensor_shape(self._output))[1:]
        self._output_dtype = np.dtype(np.uint8 if self.manifest.gives_pixels else np.float32)
        self._read = [index for index, name in enumerate(self.names) if name in names]

    def _new_lane(self) -> _Lane:
        inputs = {self.names[i]: ((self.most, *self.shapes[i][1:]), self.dtypes[i]) for i in self._read}
        output = self._output, (self.most, *self._output_shape), self._output_dtype
        context = self._engine.create_execution_context()
        if context is None:
            raise DeviceError(f"{self.manifest.artifact}: the GPU has too little free memory for this engine")
        lane = _Lane(context, inputs, output, self.manifest.batch, self.least < self.most)
        self._lanes.append(lane)
        return lane

    def _run(self, arrays: list[np.ndarray]) -> np.ndarray:
        return self._borrowing(lambda lane: lane.run([arrays[i] for i in self._read]))

    def _prepare(self, arrays: list[np.ndarray]) -> Prepared:
        return self._borrowing(lambda lane: lane.prepare([arrays[i] for i in self._read]))

    def _run_on_device(self, arrays: Sequence[DeviceArray], out: DeviceArray | None) -> DeviceArray:
        if out is not None:
            check_like("the output", out, (arrays[0].shape[0], *self._output_shape), self._output_dtype)
        return self._borrowing(lambda lane: lane.run_on_device([arrays[i] for i in self._read], out))

    def _borrowing(self, call: Callable[[_Lane], Any]) -> Any:
        """What ``call`` gives with a lane that is nobody else's meanwhile."""
        try:
            lane = self._idle.pop()
        except IndexError:
            lane = self._new_lane()
        try:
            return call(lane)
        except DeviceError as exc:
            raise DeviceError(f"{self.manifest.artifact}: {exc}") from exc
        finally:
            self._idle.append(lane)

    def _close(self) -> None:
        """Lanes first, then the vendor's objects in the order in which they were made of each other."""
        self._idle.clear()
        while self._lanes:
            self._lanes.pop().close()
        for name in ("_engine", "_runtime"):
            self.__dict__.pop(name, None)


class _Lane:
    """What one call at a time needs. ``notes``: what it does without."""

    def __init__(
        self,
        context: Any,
        inputs: dict[str, tuple[tuple[int, ...], np.dtype[Any]]],
        output: tuple[str, tuple[int, ...], np.dtype[Any]],
        usual: int,
        is_free: bool,
    ) -> None:
        self._context, self._memory = context, open_memory()
        self._count, self._is_free, self._recorded = 0, is_free, dict[int, Callable[[], None]]()
        self.notes: tuple[str, ...] = ()
        name, shape, dtype = output
        try:
            self._given = {n: self._memory.pinned(*like) for n, like in inputs.items()}
            self._image = self._memory.pinned(shape, dtype)
            self._output = name
            self._places = {n: self._memory.allocate(array.nbytes) for n, array in self._given.items()}
            self._places[name] = self._memory.allocate(self._image.nbytes)
            self._bind(self._places)
            self._repeat(usual)
        except BaseException:
            self.close()
            raise

    def run(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        count = len(arrays[0])
        for held, array in zip(self._given.values(), arrays, strict=True):
            np.copyto(held[:count], array)
        self._repeat(count)
        self._memory.synchronize()
        return self._image[:count].copy()

    def prepare(self, arrays: Sequence[np.ndarray]) -> Prepared:
        self.run(arrays)
        launch = self._record(self._compute)

        def call() -> None:
            launch()
            self._memory.synchronize()

        return Prepared(call, lambda: self._memory.timed(launch))

    def run_on_device(self, arrays: Sequence[DeviceArray], out: DeviceArray | None) -> DeviceArray:
        count = arrays[0].shape[0]
        if out is None:
            own, like = open_memory(), self._image[:count]
            out = DeviceArray(own.allocate(like.nbytes), like.shape, like.dtype, Freed(own))
        for array in arrays:
            if array.stream:
                self._memory.wait_for(array.stream)
        places = {name: array.address for name, array in zip(self._given, arrays, strict=True)}
        self._take(count)
        self._bind(places | {self._output: out.address})
        try:
            self._compute()
            self._memory.synchronize()
        finally:
            self._bind(self._places)
        return out

    def close(self) -> None:
        self.__dict__.pop("_context", None)
        self._memory.close()

    def _bind(self, places: dict[str, int]) -> None:
        for name, address in places.items():
            self._context.set_tensor_address(name, address)

    def _take(self, count: int) -> None:
        """So many samples from now on."""
        if self._is_free and count != self._count:
            for name, array in self._given.items():
                self._context.set_input_shape(name, (count, *array.shape[1:]))
        self._count = count

    def _repeat(self, count: int) -> None:
        """Copies in, computes, copies out. What that puts on the stream is recorded the first time for each number of
        samples, after it ran once, since the first call may allocate."""
        self._take(count)
        if count in self._recorded:
            self._recorded[count]()
            return
        self._work()
        self._memory.synchronize()
        self._recorded[count] = self._record(self._work)

    def _work(self) -> None:
        for name, array in self._given.items():
            self._memory.to_device(self._places[name], array[: self._count])
        self._compute()
        self._memory.to_host(self._image[: self._count], self._places[self._output])

    def _compute(self) -> None:
        if not self._context.execute_async_v3(self._memory.stream):
            raise DeviceError("TensorRT failed to run it")

    def _record(self, work: Callable[[], None]) -> Callable[[], None]:
        try:
            return self._memory.record(work)
        except DeviceError as exc:
            self.notes = (f"each call is put on the stream anew, not repeated as a CUDA graph: {first_line(exc)}",)
            return work
