"""ONNX Runtime on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgegan.core.errors import ArtifactError, MissingPackageError
from edgegan.runtime.session import Session

try:
    import onnxruntime as ort
except ImportError as exc:
    raise MissingPackageError("onnxruntime", "onnxruntime", "Running this artifact") from exc


class VendorSession(Session):
    providers: tuple[Any, ...] = ("CPUExecutionProvider",)
    is_shared = True

    def _open(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3
        if not self.manifest.content["build"].get("fuses_quantize", True):
            options.add_session_config_entry("session.disable_quant_qdq", "1")
        try:
            self._session = ort.InferenceSession(str(self.manifest.artifact), options, providers=list(self.providers))
        except Exception as exc:
            raise ArtifactError(f"ONNX Runtime cannot load {self.manifest.artifact}: {exc}") from exc
        present = {i.name for i in self._session.get_inputs()}
        self._feeds = [(index, name) for index, name in enumerate(self.names) if name in present]

    def _run(self, arrays: list[np.ndarray]) -> np.ndarray:
        image: np.ndarray = self._session.run(None, {name: arrays[index] for index, name in self._feeds})[0]
        return image

    def _close(self) -> None:
        del self._session
