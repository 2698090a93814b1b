"""Arrays in the GPU's memory, exchanged with PyTorch, CuPy, Numba and JAX without a copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgegan.core.errors import UsageError
from edgegan.runtime import dlpack
from edgegan.runtime.cuda import Memory

LEGACY_STREAM = 1
"""The stream on which a producer without one of its own is asked to have its values ready."""


@dataclass(frozen=True, eq=False)
class DeviceArray:
    """C-contiguous values of ``shape`` and ``dtype`` at a device's ``address``; ``owner`` keeps them alive.

    It has ``__cuda_array_interface__`` (version 3) and ``__dlpack__``: ``torch.as_tensor(array, device="cuda")``,
    ``cupy.asarray(array)``, ``jax.numpy.from_dlpack(array)``. ``stream``: on which its values are being made, None
    where they are there.
    """

    address: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    owner: object
    device: int = 0
    stream: int | None = None

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.address, False),
            "version": 3,
            "strides": None,
            "stream": self.stream,
        }

    def __dlpack__(self, **_: Any) -> Any:
        """A capsule; values are ready when it is made, whatever stream the consumer names."""
        view = dlpack.View(self.address, self.shape, self.dtype, self.__dlpack_device__(), self)
        return dlpack.make(view)

    def __dlpack_device__(self) -> tuple[int, int]:
        return dlpack.CUDA, self.device


def on_device(value: Any) -> DeviceArray | None:
    """``value`` where it lies in a GPU's memory, None where it is an array of the host. Raises UsageError for one that
    is not contiguous."""
    if isinstance(value, np.ndarray):
        return None
    interface = getattr(value, "__cuda_array_interface__", None)
    if interface is not None:
        dtype, shape = np.dtype(interface["typestr"]), tuple(interface["shape"])
        if interface.get("strides") not in (None, _strides(shape, dtype.itemsize)):
            raise UsageError("an array in device memory must be contiguous")
        return DeviceArray(interface["data"][0], shape, dtype, value, stream=interface.get("stream"))
    if hasattr(value, "__dlpack_device__") and value.__dlpack_device__()[0] == dlpack.CUDA:
        view = dlpack.read(value.__dlpack__(stream=LEGACY_STREAM))
        return DeviceArray(view.address, view.shape, view.dtype, view.owner, view.device[1])
    return None


def _strides(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    strides, step = [], itemsize
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


class Freed:
    """Device memory that goes with the last array that it owns."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def __del__(self) -> None:
        self._memory.close()
