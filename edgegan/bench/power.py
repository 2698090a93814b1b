"""Where power could be read on this machine, and why it is not."""

from __future__ import annotations

from pathlib import Path

from edgegan.bench.environment import gpu_name

RAPL = Path("/sys/class/powercap/intel-rapl:0/energy_uj")


def sources() -> dict[str, bool]:
    """The power sources that EdgeGAN knows, and whether this machine has them."""
    hwmon = (
        [p.read_text().strip() for p in Path("/sys/class/hwmon").glob("hwmon*/name")]
        if Path("/sys/class/hwmon").exists()
        else []
    )
    return {"ina3221": "ina3221" in hwmon, "nvml": gpu_name() is not None, "rapl": RAPL.exists()}


def unmeasured_reason() -> str:
    """Why ``power`` is null."""
    present = [name for name, found in sources().items() if found]
    if present:
        return f"this version of EdgeGAN does not read power yet (found here: {', '.join(present)})"
    return (
        "this machine has no power source that EdgeGAN knows: no INA3221 (Jetson), no NVML (NVIDIA GPU), no RAPL (x86)"
    )
