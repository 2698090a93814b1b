"""Packages of PyTorch's ahead-of-time compiler: machine code for one GPU, which PyTorch loads and runs.

A package is a program, not data. One that this machine did not make is loaded only where EDGEGAN_RUN_PACKAGES=1 says
that its origin is known.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from edgegan.core.cache import read_table
from edgegan.core.errors import ArtifactError, DeviceError, MissingPackageError
from edgegan.core.files import sha256
from edgegan.runtime.preflight import machine_name
from edgegan.runtime.session import Prepared, Session

try:
    import torch

    from edgegan.runtime.replay import Replay
except ImportError as exc:
    raise MissingPackageError("torch", "compress", "Running this artifact") from exc

MADE_HERE, TRUSTED = "packages", "EDGEGAN_RUN_PACKAGES"
"""The table of the user's cache that lists what this machine made, by SHA-256; the variable that trusts the rest."""


class VendorSession(Session):
    def _open(self) -> None:
        build, artifact = self.manifest.content["build"], self.manifest.artifact
        if sha256(artifact) not in read_table(MADE_HERE) and os.environ.get(TRUSTED) != "1":
            raise ArtifactError(
                f"{artifact} holds machine code that was not made on this machine, and loading it would run it; build "
                f"it here, or set {TRUSTED}=1 where you know who made it"
            )
        self._device = torch.device(build.get("device", "cuda"))
        self._check(build)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch about its own code
            # Calls take turns here; the package's own locks would stand in a CUDA graph's way.
            model = torch._inductor.aoti_load_package(str(artifact), run_single_threaded=True)
        self._replay = Replay(model, self._device.type)

    def _check(self, build: dict[str, Any]) -> None:
        """Raises DeviceError without the GPU, ArtifactError where the package was made for another."""
        again = "build it again on this machine: edgegan build g.edgegan --out engine"
        if build.get("platform", machine_name()) != machine_name():
            raise ArtifactError(f"{self.manifest.artifact} was built on {build['platform']}; {again}")
        if self._device.type != "cuda":
            return
        if not torch.cuda.is_available():
            raise DeviceError("this PyTorch finds no NVIDIA GPU, for which the package was made")
        here = ".".join(map(str, torch.cuda.get_device_capability()))
        if build.get("compute_capability", here) != here:
            raise ArtifactError(
                f"{self.manifest.artifact} was built for compute capability {build['compute_capability']}, and this "
                f"GPU has {here}; {again}"
            )

    def _run(self, arrays: list[np.ndarray]) -> np.ndarray:
        return np.array(self._compute(self._placed(arrays)).cpu().numpy())

    def _prepare(self, arrays: list[np.ndarray]) -> Prepared:
        given = self._placed(arrays)

        def call() -> None:
            self._compute(given)
            if self._device.type == "cuda":
                torch.cuda.synchronize(self._device)

        return Prepared(call)

    def _placed(self, arrays: list[np.ndarray]) -> list[torch.Tensor]:
        return [torch.from_numpy(array).to(self._device) for array in arrays]

    def _compute(self, given: list[torch.Tensor]) -> torch.Tensor:
        with torch.inference_mode():
            image: torch.Tensor = self._replay(*given)
        if self._replay.refused and not self.notes:
            self.notes = (f"computes without a CUDA graph: {self._replay.refused}",)
        return image

    def _close(self) -> None:
        del self._replay
