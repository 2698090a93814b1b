"""Where power could be read on this machine, and why it is not."""

from __future__ import annotations

from pathlib import Path

from edgegan.bench.environment import gpu_name
from edgegan.core.target import load_target, names

RAPL = Path("/sys/class/powercap/intel-rapl:0/energy_uj")


def sources() -> dict[str, bool]:
    """The power sources that EdgeGAN knows, and whether this machine has them."""
    hwmon = (
        [p.read_text().strip() for p in Path("/sys/class/hwmon").glob("hwmon*/name")]
        if Path("/sys/class/hwmon").exists()
        else []
    )
    return {"ina3221": "ina3221" in hwmon, "nvml": gpu_name() is not None, "rapl": RAPL.exists()}


def unmeasured_reason(target: str) -> str:
    """Why ``power`` is null in the figures of an artifact for ``target``, whose own source of power comes first."""
    own = load_target(target).power if target in names() else None
    if own is not None and not sources()[own]:
        return f"power of {target} is read by {own}, which this machine does not have; measure on the device"
    present = [name for name, found in sources().items() if found]
    if present:
        return f"this version of EdgeGAN does not read power yet (found here: {', '.join(present)})"
    return (
        "this machine has no power source that EdgeGAN knows: no INA3221 (Jetson), no NVML (NVIDIA GPU), no RAPL (x86)"
    )
