"""DLPack capsules (dmlc.github.io/dlpack, structure of version 0) read and made without any framework."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgegan.core.errors import UsageError

CPU, CUDA = 1, 2
NAME = b"dltensor"
KINDS = {0: "i", 1: "u", 2: "f"}
"""DLPack's type codes as NumPy's kinds."""


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class _Managed(ctypes.Structure):
    """A tensor, and who frees it."""


_Deleter = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Managed))
_Managed._fields_ = (("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", _Deleter))

_Destructor = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.restype, _pointer_of.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
_pointer_at = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
_is_valid = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(("PyCapsule_IsValid", ctypes.pythonapi))
_new = ctypes.pythonapi.PyCapsule_New
_new.restype, _new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)


@dataclass(frozen=True)
class View:
    """Where a tensor's values lie; ``owner`` keeps them alive."""

    address: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    device: tuple[int, int]
    owner: object


def read(capsule: Any) -> View:
    """What a capsule from ``__dlpack__`` holds, without taking it over. Raises UsageError for what is not C-contiguous
    or of no NumPy type."""
    tensor = ctypes.cast(_pointer_of(capsule, NAME), ctypes.POINTER(_Managed)).contents.tensor
    shape = tuple(tensor.shape[i] for i in range(tensor.ndim))
    if tensor.code not in KINDS or tensor.lanes != 1:
        raise UsageError(f"a tensor of DLPack type {tensor.code} with {tensor.lanes} lanes is not taken")
    if tensor.strides and not _is_contiguous(shape, [tensor.strides[i] for i in range(tensor.ndim)]):
        raise UsageError("a tensor in device memory must be contiguous (.contiguous())")
    return View(
        address=(tensor.data or 0) + tensor.byte_offset,
        shape=shape,
        dtype=np.dtype(f"{KINDS[tensor.code]}{tensor.bits // 8}"),
        device=(tensor.device_type, tensor.device_id),
        owner=capsule,
    )


def _is_contiguous(shape: tuple[int, ...], strides: list[int]) -> bool:
    expected = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


_alive: dict[int, tuple[object, ...]] = {}
"""What capsules that are still in use refer to, by the address of their structure."""


def make(view: View) -> Any:
    """A capsule for ``__dlpack__`` to return; ``view.owner`` lives as long as whoever takes it over."""
    shape = (ctypes.c_int64 * len(view.shape))(*view.shape)
    code = next(code for code, kind in KINDS.items() if kind == view.dtype.kind)
    tensor = _Tensor(
        view.address, *view.device, len(view.shape), code, 8 * view.dtype.itemsize, 1,
        ctypes.cast(shape, ctypes.POINTER(ctypes.c_int64)), None, 0,
    )  # fmt: skip
    managed = _Managed(tensor, None, _RELEASE)
    _alive[ctypes.addressof(managed)] = managed, shape, view.owner
    return _new(ctypes.addressof(managed), NAME, ctypes.cast(_DROP, ctypes.c_void_p))


def _release(managed: Any) -> None:
    """Whoever took a capsule over is done with it."""
    _alive.pop(ctypes.addressof(managed.contents), None)


def _drop(capsule: int) -> None:
    """A capsule that nobody took over goes."""
    if _is_valid(capsule, NAME):
        _alive.pop(_pointer_at(capsule, NAME), None)


_RELEASE, _DROP = _Deleter(_release), _Destructor(_drop)
