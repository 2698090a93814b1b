"""The contract between a Generator and a vendor's runtime; what is common to all backends lives here, once."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from edgegan.core.backends import backend
from edgegan.core.errors import ArtifactError, DeviceError, GeneratorError, UsageError, first_line
from edgegan.core.manifest import Manifest
from edgegan.runtime.device_array import DeviceArray


@dataclass(frozen=True)
class Prepared:
    """``call`` computes with inputs that lie where the vendor reads them and leaves the picture where the vendor puts
    it. ``device_ms`` does the same and tells the GPU's own milliseconds; None where the vendor tells none."""

    call: Callable[[], object]
    device_ms: Callable[[], float] | None = None


class Session(ABC):
    """One artifact, loaded. ``run`` takes arrays in the order of the manifest's inputs and gives the image.

    A backend overrides ``_open``, ``_run`` and, where it holds more than Python objects, ``_close``; ``_prepare`` where
    copies can be left out. ``_run`` is given
    contiguous arrays of the right dtype and shape (batch, ...), and returns an array of its own (no view of vendor
    memory that a later call would overwrite), float32 unless the artifact gives pixels. One that computes in a GPU's
    memory overrides ``_run_on_device`` too. ``notes``: what this session does without, in sentences. ``is_shared``:
    whether ``_run`` may be called by several threads at once; else they take turns.
    """

    notes: tuple[str, ...] = ()
    is_shared = False

    def __init__(self, manifest: Manifest, threads: int) -> None:
        self.manifest, self.threads = manifest, threads
        self._closed, self._turn = False, threading.Lock()
        self.least, self.most = manifest.batches
        self.shapes = [(manifest.batch, *i.shape) for i in manifest.spec.inputs]
        self.dtypes = [np.dtype(i.dtype) for i in manifest.spec.inputs]
        self.names = [i.name for i in manifest.spec.inputs]
        try:
            self._open()
        except GeneratorError:
            raise
        except Exception as exc:
            raise ArtifactError(f"{manifest.artifact} cannot be loaded: {first_line(exc)}") from exc

    def run(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """One batch through the artifact. Raises UsageError for a wrong shape or a closed session, DeviceError where
        the vendor's library does not run it."""
        ready = self._ready(arrays)
        try:
            if self.is_shared:
                return self._run(ready)
            with self._turn:
                return self._run(ready)
        except GeneratorError:
            raise
        except Exception as exc:
            raise DeviceError(f"{self.manifest.artifact} does not run: {first_line(exc)}") from exc

    def prepare(self, arrays: Sequence[np.ndarray]) -> Prepared:
        """One batch put in place, to be computed again and again by one thread, without the copies that ``run`` makes;
        until the next ``run``. Raises UsageError as ``run`` does."""
        return self._prepare(self._ready(arrays))

    def _ready(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As a backend takes them."""
        if self._closed:
            raise UsageError("this generator is closed; load it again")
        ready = []
        for array, shape, dtype, name in zip(arrays, self.shapes, self.dtypes, self.names, strict=True):
            if array.shape != shape and not self._fits(array.shape, shape, len(arrays[0])):
                raise UsageError(f"input {name!r} has shape {tuple(array.shape)}; the artifact takes {shape}")
            ready.append(
                array if array.dtype == dtype and array.flags.c_contiguous else np.ascontiguousarray(array, dtype)
            )
        return ready

    def run_on_device(self, arrays: Sequence[DeviceArray], out: DeviceArray | None = None) -> DeviceArray:
        """One batch of arrays that lie in the GPU's memory, without a copy: into ``out``, or into memory that goes with
        the array that is returned. Raises UsageError for a wrong shape or type, and where the backend has no GPU."""
        if self._closed:
            raise UsageError("this generator is closed; load it again")
        for array, shape, dtype, name in zip(arrays, self.shapes, self.dtypes, self.names, strict=True):
            count = arrays[0].shape[0] if self._fits(array.shape, shape, arrays[0].shape[0]) else shape[0]
            check_like(f"input {name!r}", array, (count, *shape[1:]), dtype)
        return self._run_on_device(arrays, out)

    def _fits(self, given: tuple[int, ...], shape: tuple[int, ...], count: int) -> bool:
        """Whether an artifact of free batch takes ``count`` samples of that shape."""
        return given == (count, *shape[1:]) and self.least <= count <= self.most

    def close(self) -> None:
        """Free what the session holds; closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self._close()

    @abstractmethod
    def _open(self) -> None: ...

    @abstractmethod
    def _run(self, arrays: list[np.ndarray]) -> np.ndarray: ...

    def _prepare(self, arrays: list[np.ndarray]) -> Prepared:
        """A backend that cannot leave them out makes its copies."""
        return Prepared(lambda: self._run(arrays))

    def _run_on_device(self, arrays: Sequence[DeviceArray], out: DeviceArray | None) -> DeviceArray:
        raise UsageError(f"{self.manifest.backend} takes arrays of the host; copy them there first")

    def _close(self) -> None:
        """Nothing to free by default: the vendor's objects go with the session."""


def check_like(what: str, array: DeviceArray, shape: tuple[int, ...], dtype: np.dtype) -> None:
    if array.shape != shape or array.dtype != dtype:
        raise UsageError(f"{what} is {array.dtype} of shape {array.shape}; the artifact has {dtype} of {shape}")


def session_class(name: str) -> type[Session]:
    """The session class of a backend, imported now; ArtifactError for a name that nobody knows."""
    session: type[Session] = import_module(backend(name).session).VendorSession
    return session
