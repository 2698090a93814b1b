"""TensorRT proper and TensorRT for RTX share one Python interface: what differs between them is this table."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from edgegan.core.errors import MissingPackageError


@dataclass(frozen=True, kw_only=True)
class Library:
    """``module`` as imported, and the ``extra`` that brings it. ``ahead_of_time``: it builds for a compute capability
    that is named, on a machine without a GPU; the other builds for the GPU that it finds."""

    module: str
    extra: str
    ahead_of_time: bool


LIBRARIES = {
    "tensorrt": Library(module="tensorrt", extra="tensorrt", ahead_of_time=False),
    "tensorrt-rtx": Library(module="tensorrt_rtx", extra="tensorrt-rtx", ahead_of_time=True),
}
"""By the name of the backend."""


def open_library(backend: str, why: str) -> Any:
    """The vendor's module; ``why`` ends the sentence of the MissingPackageError where it cannot be imported."""
    library = LIBRARIES[backend]
    try:
        return import_module(library.module)
    except (ImportError, OSError) as exc:
        raise MissingPackageError(library.module, library.extra, why) from exc
