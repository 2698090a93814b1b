"""Layers as TensorRT reports them after each run of an engine, TensorRT proper's or TensorRT for RTX's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import numpy as np

from edgegan.bench.profile.contract import WARMUP, Layer, Profile, repeated
from edgegan.core.errors import DeviceError
from edgegan.core.manifest import Manifest
from edgegan.core.tensorrt import open_library
from edgegan.runtime.cuda import Memory, open_memory, require_driver
from edgegan.runtime.tensorrt import open_engine


def profile(manifest: Manifest, inputs: Mapping[str, np.ndarray], threads: int, seconds: float) -> Profile:
    require_driver()
    trt = open_library(manifest.backend, "Profiling this plan")
    runtime, engine = open_engine(manifest, trt)
    found = _watched(trt, engine, inputs, seconds)
    del engine, runtime
    return found


def _watched(trt: Any, engine: Any, inputs: Mapping[str, np.ndarray], seconds: float) -> Profile:
    with closing(open_memory()) as memory:
        context, watch = engine.create_execution_context(), _watch(trt)
        _bind(trt, engine, context, memory, inputs)
        context.profiler = watch

        def call() -> None:
            if not context.execute_async_v3(memory.stream):
                raise DeviceError("TensorRT failed to run the engine under its profiler")
            memory.synchronize()

        for _ in range(WARMUP):
            call()
        watch.spent.clear()
        whole, calls = repeated(call, seconds)
    layers = tuple(Layer(name, "", ms / calls) for name, ms in watch.spent.items())
    return Profile(source="TensorRT's IProfiler", layers=layers, whole_ms=whole, calls=calls)


def _bind(trt: Any, engine: Any, context: Any, memory: Memory, inputs: Mapping[str, np.ndarray]) -> None:
    """Inputs in the GPU's memory, and room for the output."""
    batch = len(next(iter(inputs.values())))
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT:
            given = np.ascontiguousarray(inputs[name])
            address = memory.allocate(given.nbytes)
            memory.to_device(address, given)
            if -1 in tuple(engine.get_tensor_shape(name)):
                context.set_input_shape(name, given.shape)
        else:
            address = memory.allocate(batch * int(np.prod(tuple(engine.get_tensor_shape(name))[1:])) * 4)
        context.set_tensor_address(name, address)
    memory.synchronize()


def _watch(trt: Any) -> Any:
    class Watch(trt.IProfiler):
        def __init__(self) -> None:
            super().__init__()
            self.spent: dict[str, float] = defaultdict(float)

        def report_layer_time(self, layer_name: str, ms: float) -> None:
            self.spent[layer_name] += ms

    return Watch()
