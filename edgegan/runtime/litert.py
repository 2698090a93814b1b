"""LiteRT on the CPU through XNNPACK; a device's older tflite_runtime is accepted as well."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from edgegan.core.errors import ArtifactError, MissingPackageError
from edgegan.runtime.session import Prepared, Session

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    try:
        from tflite_runtime.interpreter import Interpreter
    except ImportError as exc:
        raise MissingPackageError("ai_edge_litert", "litert", "Running this artifact") from exc


def argument_of(name: str, position: int) -> int:
    """Which argument of the network an input is: the converter names it ``..._args_0``; else its place."""
    match = re.search(r"args_(\d+)", name)
    return int(match[1]) if match else position


def inputs_by_argument(interpreter: Interpreter) -> dict[int, dict[str, Any]]:
    """Input details by argument number; the converter drops those that are not read."""
    return {
        argument_of(detail["name"], position): detail for position, detail in enumerate(interpreter.get_input_details())
    }


class VendorSession(Session):
    def _open(self) -> None:
        try:
            self._interpreter = Interpreter(str(self.manifest.artifact), num_threads=self.threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as exc:
            raise ArtifactError(f"LiteRT cannot load {self.manifest.artifact}: {exc}") from exc
        self._inputs = [
            (argument, detail["index"], detail["dtype"])
            for argument, detail in inputs_by_argument(self._interpreter).items()
        ]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._count = int(next(iter(self._interpreter.get_input_details()))["shape"][0])

    def _run(self, arrays: list[np.ndarray]) -> np.ndarray:
        self._put(arrays)
        self._interpreter.invoke()
        image: np.ndarray = self._interpreter.get_tensor(self._output)
        return image

    def _prepare(self, arrays: list[np.ndarray]) -> Prepared:
        self._put(arrays)
        return Prepared(self._interpreter.invoke)

    def _put(self, arrays: list[np.ndarray]) -> None:
        if len(arrays[0]) != self._count:
            self._resize(len(arrays[0]))
        for argument, index, dtype in self._inputs:
            self._interpreter.set_tensor(index, arrays[argument].astype(dtype, copy=False))

    def _resize(self, count: int) -> None:
        """So many samples from now on, of a file whose batch is free."""
        for argument, index, _ in self._inputs:
            self._interpreter.resize_tensor_input(index, [count, *self.shapes[argument][1:]])
        self._interpreter.allocate_tensors()
        self._count = count

    def _close(self) -> None:
        del self._interpreter
