"""LiteRT's C interface as far as profiling needs it: the Python one has no profiler.

The library lies in the wheel of ``ai-edge-litert``; names and structs are those of its headers ``litert_common.h``,
``litert_compiled_model.h`` and ``litert_profiler_event.h`` (version 1.0 of the interface).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.core.errors import ArtifactError, DeviceError, MissingPackageError

LIBRARY = "libLiteRt.so"
CPU, LOCK_TO_WRITE, SIGNATURE = 1, 1, c_size_t(0)
TENSOR_TYPE_BYTES = 512
"""More than LiteRT's description of a tensor takes; what is in it stays LiteRT's."""
OPTIONS = {"runtime_options_string": "enable_profiling = true\n", "xnnpack": "num_threads = {threads}\n"}
DESTROYED = ctypes.CFUNCTYPE(None, c_void_p)
INVOKE = 2
"""Of ``Event.kind``: an operator that LiteRT itself runs, a delegate's whole work among them."""
IN_DELEGATE = 8
"""Of ``Event.kind``: an operator within a delegate's work."""
MOST_US = 1 << 32
"""An event that did not end has this."""
DELEGATE_TAGS = (b"TfLiteXNNPackDelegate", b"DELEGATE")
"""What LiteRT calls a delegate's whole work among its own operators."""


class _MemoryUsage(ctypes.Structure):
    _fields_ = [("total", c_size_t), ("in_use", c_size_t), ("private", c_size_t)]


class Event(ctypes.Structure):
    """``kind``: INVOKE, IN_DELEGATE or another; ``index``: of the operator in its plan, or in its delegate's."""

    _fields_ = [
        ("tag", c_char_p),
        ("kind", c_int),
        ("start_us", c_uint64),
        ("elapsed_us", c_uint64),
        ("before", _MemoryUsage),
        ("after", _MemoryUsage),
        ("index", c_uint64),
        ("subgraph", c_uint64),
        ("source", c_int),
    ]


class ProfiledModel:
    """A LiteRT file compiled for the CPU with its profiler. ``close`` frees it."""

    def __init__(self, path: Path, threads: int) -> None:
        self._library = _library()
        self._kept: list[Any] = []
        self._environment = self._made("LiteRtCreateEnvironment", 0, None)
        self._model = self._made("LiteRtCreateModelFromFile", self._environment, str(path).encode())
        options = self._made("LiteRtCreateOptions")
        self._do("LiteRtSetOptionsHardwareAccelerators", options, CPU)
        for identifier, text in OPTIONS.items():
            payload = ctypes.create_string_buffer(text.format(threads=threads).encode())
            forget = DESTROYED(lambda _: None)
            self._kept += [payload, forget]
            opaque = self._made(
                "LiteRtCreateOpaqueOptions", identifier.encode(), ctypes.cast(payload, c_void_p), forget
            )
            self._do("LiteRtAddOpaqueOptions", options, opaque)
        self._compiled = self._made("LiteRtCreateCompiledModel", self._environment, self._model, options)
        self._profiler = self._made("LiteRtCompiledModelGetProfiler", self._compiled)
        self._signature = self._made("LiteRtGetModelSignature", self._model, SIGNATURE)
        self._inputs, self._outputs = dict(self._buffers("Input")), dict(self._buffers("Output"))

    def put(self, name: str, values: np.ndarray) -> None:
        """Values of one input, by its name in the signature (``args_0``)."""
        values, address = np.ascontiguousarray(values), c_void_p()
        buffer = self._inputs[name]
        self._do("LiteRtLockTensorBuffer", buffer, byref(address), LOCK_TO_WRITE)
        ctypes.memmove(address, values.ctypes.data, values.nbytes)
        self._do("LiteRtUnlockTensorBuffer", buffer)

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(self._inputs)

    def run(self) -> None:
        given, room = _array(self._inputs.values()), _array(self._outputs.values())
        self._do(
            "LiteRtRunCompiledModel", self._compiled, SIGNATURE, c_size_t(len(given)), given, c_size_t(len(room)), room
        )

    def events(self) -> list[Event]:
        """Of one call, made now."""
        self._do("LiteRtResetProfiler", self._profiler)
        self._do("LiteRtStartProfiler", self._profiler)
        self.run()
        self._do("LiteRtStopProfiler", self._profiler)
        count = c_int()
        self._do("LiteRtGetNumProfilerEvents", self._profiler, byref(count))
        found = (Event * count.value)()
        self._do("LiteRtGetProfilerEvents", self._profiler, count.value, found)
        return list(found)

    def _buffers(self, kind: str) -> Iterator[tuple[str, c_void_p]]:
        count = c_size_t()
        self._do(f"LiteRtGetNumSignature{kind}s", self._signature, byref(count))
        for index in range(count.value):
            tensor = self._made(f"LiteRtGetSignature{kind}TensorByIndex", self._signature, c_size_t(index))
            like = ctypes.create_string_buffer(TENSOR_TYPE_BYTES)
            self._do("LiteRtGetRankedTensorType", tensor, like)
            needs = self._made(
                f"LiteRtGetCompiledModel{kind}BufferRequirements", self._compiled, SIGNATURE, c_size_t(index)
            )
            buffer = self._made("LiteRtCreateManagedTensorBufferFromRequirements", self._environment, like, needs)
            name = c_char_p()
            self._do(f"LiteRtGetSignature{kind}Name", self._signature, c_size_t(index), byref(name))
            yield (name.value or b"").decode(), buffer

    def _made(self, function: str, *arguments: Any) -> c_void_p:
        """What LiteRT gives through its last argument."""
        made = c_void_p()
        self._do(function, *arguments, byref(made))
        return made

    def _do(self, function: str, *arguments: Any) -> None:
        if (status := getattr(self._library, function)(*arguments)) != 0:
            raise DeviceError(f"LiteRT's {function} failed with status {status}")


def invoke_us(events: list[Event]) -> int:
    """Microseconds of the interpreter's whole call, without what surrounds it in a compiled model's."""
    return next(int(e.elapsed_us) for e in events if e.tag == b"Invoke" and e.elapsed_us < MOST_US)


def operators(events: list[Event]) -> list[tuple[str, int]]:
    """Tag and microseconds of each in the order of execution: those of delegates' operators, and of what LiteRT itself
    runs beside them."""
    return [
        (event.tag.decode(), int(event.elapsed_us))
        for event in events
        if event.tag
        and event.elapsed_us < MOST_US
        and (event.kind == IN_DELEGATE or (event.kind == INVOKE and event.tag not in DELEGATE_TAGS))
    ]


def _array(buffers: Any) -> Any:
    values = [buffer.value for buffer in buffers]
    return (c_void_p * len(values))(*values)


def _library() -> ctypes.CDLL:
    try:
        import ai_edge_litert
    except ImportError as exc:
        raise MissingPackageError("ai_edge_litert", "litert", "Profiling this artifact") from exc
    path = Path(ai_edge_litert.__path__[0]) / LIBRARY
    if not path.is_file():
        raise ArtifactError(
            f"this ai-edge-litert has no {LIBRARY}, whose profiler tells the layers: install 2.1 or later"
        )
    library = ctypes.CDLL(str(path))
    library.LiteRtGetProfilerEvents.argtypes = [c_void_p, c_int, POINTER(Event)]
    return library
