"""NVIDIA GPUs through NVML (``nvidia-ml-py``): the driver's energy counter, and instantaneous power integrated beside
it; both are told, since they disagree (Yang et al. 2023, arXiv:2312.02741)."""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any

from edgegan.bench.power.contract import Clock, Integrated, Unreadable

COUNTER, INTEGRATED = "counter", "integrated power"


class Nvml:
    """The first GPU, memory and board circuits included."""

    name = "nvml"
    resolution = 0.1
    """The counter moves about every tenth of a second."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        try:
            self._nvml = import_module("pynvml")
        except ImportError:
            raise Unreadable("NVML's Python package is missing: pip install 'edgegan[nvml]'") from None
        try:
            self._nvml.nvmlInit()
            self._gpu = self._nvml.nvmlDeviceGetHandleByIndex(0)
        except self._nvml.NVMLError as exc:
            raise Unreadable(f"NVML finds no GPU: {exc}") from exc
        self._energy = Integrated(clock)
        self._first = self._millijoules()
        watts = self._watts()
        if self._first is None and watts is None:
            self.close()
            raise Unreadable("this GPU's driver tells NVML neither energy nor power, as on every Jetson")
        if watts is not None:
            self._energy.add({INTEGRATED: watts})
        self.whole = frozenset({INTEGRATED if self._first is None else COUNTER})
        self.scope = f"the GPU's board, by NVML ({next(iter(self.whole))}), not the computer around it"

    def joules(self) -> dict[str, float]:
        found: dict[str, float] = {}
        if self._first is not None and (now := self._millijoules()) is not None:
            found[COUNTER] = (now - self._first) * 1e-3
        if (watts := self._watts()) is not None:
            found |= self._energy.add({INTEGRATED: watts})
        return found

    def close(self) -> None:
        self._nvml.nvmlShutdown()

    def _millijoules(self) -> int | None:
        return self._asked(lambda: self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._gpu))

    def _watts(self) -> float | None:
        """Of this moment where the driver tells it, else the mean that it gives."""
        instant = getattr(self._nvml, "NVML_FI_DEV_POWER_INSTANT", None)
        if instant is not None:
            (field,) = self._asked(lambda: self._nvml.nvmlDeviceGetFieldValues(self._gpu, [instant])) or (None,)
            if field is not None and field.nvmlReturn == self._nvml.NVML_SUCCESS:
                return float(field.value.uiVal) * 1e-3
        milliwatts = self._asked(lambda: self._nvml.nvmlDeviceGetPowerUsage(self._gpu))
        return None if milliwatts is None else float(milliwatts) * 1e-3

    def _asked(self, question: Any) -> Any:
        """None where the driver does not know it."""
        try:
            return question()
        except self._nvml.NVMLError_NotSupported:
            return None
