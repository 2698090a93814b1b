"""OpenVINO on the CPU; the manifest's ``build.inference_precision`` says in what it computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgegan.core.errors import ArtifactError, MissingPackageError
from edgegan.core.manifest import Manifest
from edgegan.runtime.session import Prepared, Session

try:
    import openvino
except ImportError as exc:
    raise MissingPackageError("openvino", "openvino", "Running this artifact") from exc


def capabilities() -> list[str]:
    """What the CPU plugin computes in here: FP32, BF16, INT8, ..."""
    return list(openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def compiled(manifest: Manifest, threads: int, further: Mapping[str, Any] | None = None) -> openvino.CompiledModel:
    """The artifact as the plugin runs it, with ``further`` properties of OpenVINO. Raises ArtifactError."""
    settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, **(further or {})}
    precision = manifest.content["build"].get("inference_precision")
    if precision:
        settings["INFERENCE_PRECISION_HINT"] = precision
    try:
        return openvino.Core().compile_model(str(manifest.artifact), "CPU", settings)
    except RuntimeError as exc:
        raise ArtifactError(f"OpenVINO cannot load {manifest.artifact}: {str(exc).strip().splitlines()[-1]}") from exc


class VendorSession(Session):
    def _open(self) -> None:
        model = compiled(self.manifest, self.threads)
        self._request = model.create_infer_request()
        ports = {name: port for port in model.inputs for name in port.names}
        self._ports = [ports.get(name) for name in self.names]
        self._output = model.outputs[0]

    def _run(self, arrays: list[np.ndarray]) -> np.ndarray:
        results = self._request.infer(
            {p: a for p, a in zip(self._ports, arrays, strict=True) if p is not None}, share_inputs=True
        )
        image: np.ndarray = results[self._output].copy()
        return image

    def _prepare(self, arrays: list[np.ndarray]) -> Prepared:
        for port, array in zip(self._ports, arrays, strict=True):
            if port is not None:
                self._request.set_tensor(port, openvino.Tensor(array, shared_memory=True))
        return Prepared(lambda: self._request.infer(share_outputs=True))

    def _close(self) -> None:
        del self._request, self._ports, self._output
