"""OpenVINO on the CPU; the manifest's ``build.inference_precision`` says in what it computes."""

from __future__ import annotations

import numpy as np

from edgegan.core.errors import ArtifactError, MissingPackageError
from edgegan.runtime.session import Session

try:
    import openvino
except ImportError as exc:
    raise MissingPackageError("openvino", "openvino", "Running this artifact") from exc


def capabilities() -> list[str]:
    """What the CPU plugin computes in here: FP32, BF16, INT8, ..."""
    return list(openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


class VendorSession(Session):
    def _open(self) -> None:
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": self.threads}
        precision = self.manifest.content["build"].get("inference_precision")
        if precision:
            settings["INFERENCE_PRECISION_HINT"] = precision
        try:
            compiled = openvino.Core().compile_model(str(self.manifest.artifact), "CPU", settings)
        except RuntimeError as exc:
            raise ArtifactError(
                f"OpenVINO cannot load {self.manifest.artifact}: {str(exc).strip().splitlines()[-1]}"
            ) from exc
        self._request = compiled.create_infer_request()
        ports = {name: port for port in compiled.inputs for name in port.names}
        self._ports = [ports.get(name) for name in self.names]
        self._output = compiled.outputs[0]

    def _run(self, arrays: list[np.ndarray]) -> np.ndarray:
        results = self._request.infer(
            {p: a for p, a in zip(self._ports, arrays, strict=True) if p is not None}, share_inputs=True
        )
        image: np.ndarray = results[self._output].copy()
        return image

    def _close(self) -> None:
        del self._request, self._ports, self._output
