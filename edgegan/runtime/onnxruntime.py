"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.core.errors import ArtifactError, MissingPackageError
from edgegan.core.manifest import Manifest
from edgegan.runtime.session import Prepared, Session

try:
    import onnxruntime as ort
except ImportError as exc:
    raise MissingPackageError("onnxruntime", "onnxruntime", "Running this artifact") from exc


CPU: tuple[Any, ...] = ("CPUExecutionProvider",)


def open_session(
    manifest: Manifest, threads: int, providers: Sequence[Any] = CPU, profile_into: Path | None = None
) -> ort.InferenceSession:
    """The artifact in ONNX Runtime, which writes a profile to files that begin with ``profile_into``. Raises
    ArtifactError."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if not manifest.content["build"].get("fuses_quantize", True):
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    if profile_into is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile_into)
    try:
        return ort.InferenceSession(str(manifest.artifact), options, providers=list(providers))
    except Exception as exc:
        raise ArtifactError(f"ONNX Runtime cannot load {manifest.artifact}: {exc}") from exc


class VendorSession(Session):
    providers = CPU
    is_shared = True

    def _open(self) -> None:
        self._session = open_session(self.manifest, self.threads, self.providers)
        present = {i.name for i in self._session.get_inputs()}
        self._feeds = [(index, name) for index, name in enumerate(self.names) if name in present]

    def _run(self, arrays: list[np.ndarray]) -> np.ndarray:
        image: np.ndarray = self._session.run(None, {name: arrays[index] for index, name in self._feeds})[0]
        return image

    def _prepare(self, arrays: list[np.ndarray]) -> Prepared:
        binding = self._session.io_binding()
        for index, name in self._feeds:
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(arrays[index]))
        output = self._session.get_outputs()[0].name
        like = self._run(arrays)
        binding.bind_ortvalue_output(output, ort.OrtValue.ortvalue_from_numpy(np.empty_like(like)))
        return Prepared(lambda: self._session.run_with_iobinding(binding))

    def _close(self) -> None:
        del self._session
