"""cuda-python's runtime calls on memory of the host: each gives (error, value...); see the README beside tensorrt."""

import ctypes
import itertools
import os
import time
from enum import IntEnum

import numpy as np

cudaMemcpyKind = IntEnum(
    "cudaMemcpyKind",
    ["cudaMemcpyHostToHost", "cudaMemcpyHostToDevice", "cudaMemcpyDeviceToHost", "cudaMemcpyDeviceToDevice"],
)
cudaStreamCaptureMode = IntEnum("cudaStreamCaptureMode", ["cudaStreamCaptureModeThreadLocal"])
cudaDeviceAttr = IntEnum(
    "cudaDeviceAttr", {"cudaDevAttrComputeCapabilityMajor": 75, "cudaDevAttrComputeCapabilityMinor": 76}
)
CAPABILITY = os.environ.get("FAKE_CAPABILITY", "8.7")
MOST = int(os.environ.get("FAKE_MEMORY", 1 << 30))
NAMES = itertools.count(2)
LIVE: dict = {kind: {} for kind in ("device", "host", "stream", "graph", "instance", "event")}
"""What was made and not freed yet, by kind."""
RECORDING: dict = {}


def array_at(address, shape, dtype):
    """The array that lies at a device's address; IndexError where less was allocated there."""
    buffer = LIVE["device"][address]
    size = int(np.prod(shape))
    if len(buffer) < size * np.dtype(dtype).itemsize:
        raise IndexError(f"{len(buffer)} bytes at {address}")
    return np.frombuffer(buffer, dtype, count=size).reshape(shape)


def cudaGetErrorString(error):
    return 0, {2: b"out of memory", 900: b"operation not permitted when stream is capturing"}[int(error)]


def cudaGetDevice():
    return 0, 0


def cudaDeviceGetAttribute(kind, device):
    major, minor = CAPABILITY.split(".")
    return 0, int(major if kind == cudaDeviceAttr.cudaDevAttrComputeCapabilityMajor else minor)


def cudaStreamCreate():
    return 0, _kept("stream", object())


def cudaStreamDestroy(stream):
    return _forgotten("stream", stream)


def cudaStreamSynchronize(stream):
    return (0,)


def cudaMalloc(size):
    if size > MOST:
        return 2, 0
    return 0, _allocated("device", size)


def cudaFree(address):
    return _forgotten("device", address)


def cudaHostAlloc(size, flags):
    return 0, _allocated("host", size)


def cudaFreeHost(address):
    return _forgotten("host", address)


def cudaMemGetInfo():
    taken = sum(len(buffer) for buffer in LIVE["device"].values())
    return 0, MOST - taken, MOST


def cudaEventCreate():
    return 0, _kept("event", [])


def cudaEventRecord(event, stream):
    LIVE["event"][event].append(time.perf_counter())
    return (0,)


def cudaEventSynchronize(event):
    return (0,)


def cudaEventElapsedTime(start, end):
    return 0, (LIVE["event"][end][-1] - LIVE["event"][start][-1]) * 1e3


def cudaEventDestroy(event):
    return _forgotten("event", event)


def cudaMemcpyAsync(target, source, size, kind, stream):
    return _put(stream, lambda: ctypes.memmove(target, source, size))


def cudaStreamBeginCapture(stream, mode):
    if os.environ.get("FAKE_NO_GRAPHS"):
        return (900,)
    RECORDING[stream] = []
    return (0,)


def cudaStreamEndCapture(stream):
    return 0, _kept("graph", RECORDING.pop(stream))


def cudaGraphInstantiate(graph, flags):
    return 0, _kept("instance", LIVE["graph"][graph])


def cudaGraphLaunch(instance, stream):
    for work in LIVE["instance"][instance]:
        work()
    return (0,)


def cudaGraphDestroy(graph):
    return _forgotten("graph", graph)


def cudaGraphExecDestroy(instance):
    return _forgotten("instance", instance)


def _put(stream, work):
    """On the stream: now, or into what is being recorded of it."""
    if stream in RECORDING:
        RECORDING[stream].append(work)
    else:
        work()
    return (0,)


def _kept(kind, what):
    name = next(NAMES)
    LIVE[kind][name] = what
    return name


def _allocated(kind, size):
    buffer = (ctypes.c_uint8 * size)()
    LIVE[kind][ctypes.addressof(buffer)] = buffer
    return ctypes.addressof(buffer)


def _forgotten(kind, name):
    del LIVE[kind][name]
    return (0,)
