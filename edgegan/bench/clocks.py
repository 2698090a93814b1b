"""Clocks, governors, temperatures and other load, looked at before and after timing: whether its figures hold.

From sysfs (kernel.org, cpufreq and devfreq), below EDGEGAN_SYS_ROOT, and from NVML where there is an NVIDIA card.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgegan.bench.power.contract import system_root
from edgegan.bench.sysfs import text

if TYPE_CHECKING:
    from edgegan.core import schemas

HELD = ("performance", "userspace")
"""Governors under which a clock stays where it is."""
APART, HOT_CELSIUS, BUSY = 0.05, 85.0, 0.5
"""A clock that moved by more than this share is told, a part that is hotter, a machine whose load is more than this
share of its cores."""
POWER_MODE = "var/lib/nvpmodel/status"


def clocks(root: Path | None = None) -> schemas.Clocks:
    """What this machine's clocks are now; what cannot be read is left out."""
    root = root or system_root()
    found: schemas.Clocks = {
        "cpu": dict(_cpus(root)),
        "gpu": dict(_devfreq(root)) | dict(_nvml()),
        "celsius": dict(_temperatures(root)),
    }
    if (mode := text(root / POWER_MODE)) is not None:
        found["power_mode"] = mode
    if (load := text(root / "proc/loadavg")) is not None:
        found["load"] = float(load.split()[0])
    return found


def doubts(before: schemas.Clocks, after: schemas.Clocks, cores: int) -> list[str]:
    """Why figures that were taken between the two are not to be trusted, a sentence each."""
    found = []
    for kind in ("cpu", "gpu"):
        for name, then in before[kind].items():
            now = after[kind].get(name)
            if now is None or not then["mhz"]:
                continue
            what = f"the {kind.upper()}'s clock ({name})"
            if abs(now["mhz"] - then["mhz"]) > APART * then["mhz"]:
                found.append(f"{what} went from {then['mhz']:.0f} to {now['mhz']:.0f} MHz while it was timed")
            elif then.get("governor") not in (None, *HELD) and now["mhz"] < (1 - APART) * then["max_mhz"]:
                found.append(
                    f"{what} is left to {then['governor']}: {now['mhz']:.0f} of {then['max_mhz']:.0f} MHz; on a Jetson "
                    "sudo jetson_clocks holds it"
                )
            if now.get("throttled"):
                found.append(f"{what} is held down: {now['throttled']}")
    hot = {name: value for name, value in after["celsius"].items() if value >= HOT_CELSIUS}
    if hot:
        found.append(f"hot: {', '.join(f'{name} {value:.0f} °C' for name, value in hot.items())}")
    if before.get("load", 0.0) > BUSY * cores:
        found.append(f"the machine was busy before: a load of {before['load']:.1f} on {cores} cores")
    return list(dict.fromkeys(found))


def _cpus(root: Path) -> Iterator[tuple[str, schemas.Clock]]:
    for folder in sorted((root / "sys/devices/system/cpu/cpufreq").glob("policy*")):
        current, most = _number(folder / "scaling_cur_freq"), _number(folder / "cpuinfo_max_freq")
        if current is not None and most is not None:
            yield folder.name, _clock(current * 1e-3, most * 1e-3, text(folder / "scaling_governor"))


def _devfreq(root: Path) -> Iterator[tuple[str, schemas.Clock]]:
    """A Jetson's integrated GPU, by the driver's names for it (ga10b, gv11b, gb10b) or as ``gpu``."""
    for folder in sorted((root / "sys/class/devfreq").glob("*")):
        if not folder.name.rpartition(".")[2].startswith(("gpu", "ga1", "gv1", "gp1", "gb1")):
            continue
        current, most = _number(folder / "cur_freq"), _number(folder / "max_freq")
        if current is not None and most is not None:
            yield folder.name, _clock(current * 1e-6, most * 1e-6, text(folder / "governor"))


def _clock(mhz: float, most: float, governor: str | None) -> schemas.Clock:
    clock: schemas.Clock = {"mhz": mhz, "max_mhz": most}
    if governor is not None:
        clock["governor"] = governor
    return clock


def _nvml() -> Iterator[tuple[str, schemas.Clock]]:
    try:
        nvml: Any = import_module("pynvml")
    except ImportError:
        return
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return
    try:
        gpu = nvml.nvmlDeviceGetHandleByIndex(0)
        clock = _clock(
            float(nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM)),
            float(nvml.nvmlDeviceGetMaxClockInfo(gpu, nvml.NVML_CLOCK_SM)),
            None,
        )
        if why := _throttled(nvml, nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu)):
            clock["throttled"] = why
        yield "sm", clock
    except nvml.NVMLError:
        return
    finally:
        nvml.nvmlShutdown()


THROTTLES = {
    "SwPowerCap": "by its power limit",
    "HwSlowdown": "by the hardware",
    "SwThermalSlowdown": "by its temperature",
    "HwThermalSlowdown": "by its temperature",
    "HwPowerBrakeSlowdown": "by the power supply",
}


def _throttled(nvml: Any, reasons: int) -> str:
    held = [
        why
        for name, why in THROTTLES.items()
        for prefix in ("nvmlClocksEventReason", "nvmlClocksThrottleReason")
        if reasons & getattr(nvml, prefix + name, 0)
    ]
    return ", ".join(dict.fromkeys(held))


def _temperatures(root: Path) -> Iterator[tuple[str, float]]:
    for folder in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        value = _number(folder / "temp")
        if value is not None:
            yield text(folder / "type") or folder.name, value * 1e-3


def _number(file: Path) -> float | None:
    held = text(file)
    try:
        return None if held is None else float(held)
    except ValueError:
        return None
