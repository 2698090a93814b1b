"""Which source of power this machine has, and why it has not the others."""

from __future__ import annotations

from collections.abc import Callable

from edgegan.bench.power.command import Command
from edgegan.bench.power.contract import Source, Unreadable, system_root
from edgegan.bench.power.hwmon import Hwmon
from edgegan.bench.power.nvml import Nvml
from edgegan.bench.power.rapl import Rapl
from edgegan.core.backends import backend
from edgegan.core.target import load_target, names

OPENING: dict[str, Callable[[], Source]] = {
    "ina3221": lambda: Hwmon(system_root()),
    "nvml": Nvml,
    "rapl": lambda: Rapl(system_root()),
}


def reasons() -> dict[str, str | None]:
    """Why each source that EdgeGAN knows cannot be read here; None where it can."""
    found: dict[str, str | None] = {}
    for name, opening in OPENING.items():
        try:
            opening().close()
            found[name] = None
        except Unreadable as exc:
            found[name] = str(exc)
    return found


def opened(target: str, runs_on: str, command: str | None = None) -> Source:
    """The source for an artifact made for ``target`` and run by the backend ``runs_on``: the user's ``command``, else
    the target's own, else what this machine has. Raises Unreadable with all that was tried, DeviceError for a command
    that prints no watts."""
    if command is not None:
        return Command(command)
    own = load_target(target).power if target in names() else None
    if own is not None:
        try:
            return OPENING[own]()
        except Unreadable as exc:
            raise Unreadable(
                f"power of {target} is read by {own}: {exc}. Measure on the device, or give --power-command"
            ) from None
    tried = []
    for name in ("nvml", "ina3221") if backend(runs_on).on_gpu else ("ina3221", "rapl"):
        try:
            return OPENING[name]()
        except Unreadable as exc:
            tried.append(str(exc))
    raise Unreadable(f"no source of power can be read here: {'; '.join(tried)}. --power-command takes a meter of yours")
