"""cuda-python's runtime calls on memory of the host: each gives (error, value...); see the README beside tensorrt."""

import ctypes
import os
from enum import IntEnum

import numpy as np

cudaMemcpyKind = IntEnum("cudaMemcpyKind", ["cudaMemcpyHostToHost", "cudaMemcpyHostToDevice", "cudaMemcpyDeviceToHost"])
cudaDeviceAttr = IntEnum(
    "cudaDeviceAttr", {"cudaDevAttrComputeCapabilityMajor": 75, "cudaDevAttrComputeCapabilityMinor": 76}
)
CAPABILITY = os.environ.get("FAKE_CAPABILITY", "8.7")
ALLOCATED: dict = {}


def array_at(address, shape, dtype):
    """The array that lies at a device's address; IndexError where less was allocated there."""
    buffer = ALLOCATED[address]
    size = int(np.prod(shape))
    if len(buffer) < size * np.dtype(dtype).itemsize:
        raise IndexError(f"{len(buffer)} bytes at {address}")
    return np.frombuffer(buffer, dtype, count=size).reshape(shape)


def cudaGetErrorString(error):
    return 0, b"out of memory"


def cudaGetDevice():
    return 0, 0


def cudaDeviceGetAttribute(kind, device):
    major, minor = CAPABILITY.split(".")
    return 0, int(major if kind == cudaDeviceAttr.cudaDevAttrComputeCapabilityMajor else minor)


def cudaStreamCreate():
    return 0, 1


def cudaStreamDestroy(stream):
    return (0,)


def cudaStreamSynchronize(stream):
    return (0,)


def cudaMalloc(size):
    buffer = (ctypes.c_uint8 * size)()
    address = ctypes.addressof(buffer)
    ALLOCATED[address] = buffer
    return 0, address


def cudaFree(address):
    del ALLOCATED[address]
    return (0,)


def cudaMemcpyAsync(target, source, size, kind, stream):
    ctypes.memmove(target, source, size)
    return (0,)
