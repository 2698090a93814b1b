"""Jetson's rails through Linux's hwmon: INA3221 (three channels of millivolts and milliamperes) and, on Thor, INA238.

Which folder is which chip changes between boots, so the content of ``name`` tells. Channels 4 to 7 of an INA3221 are
shunts and their sum, no rails (kernel.org, hwmon/ina3221).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from edgegan.bench.power.contract import Clock, Integrated, Unreadable
from edgegan.bench.sysfs import text

CHIPS = ("ina3221", "ina238")
FOLDERS = ("sys/class/hwmon/hwmon*", "sys/bus/i2c/drivers/*/*/hwmon/hwmon*")
CHANNELS = (1, 2, 3)
BOARD, UNUSED = "VIN", "NC"
WHOLES = (
    (frozenset({BOARD}), "the board's input"),
    (frozenset({"VDD_IN"}), "the module's input"),
    (frozenset({"VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"}), "the module's rails"),
)
"""Rails that are a whole by themselves, the widest first: Thor's board, Orin NX, Orin Nano and Xavier NX, Orin AGX,
whose memory rail is fed by VIN_SYS_5V0. Elsewhere (Xavier AGX) all rails together are the module's."""


class Hwmon:
    """``skipped``: channels that are there and cannot be read."""

    name = "ina3221"
    resolution = 0.05

    def __init__(self, root: Path, clock: Clock = time.monotonic) -> None:
        self._rails: dict[str, Callable[[], float]] = {}
        self.skipped: list[str] = []
        for folder in _chips(root):
            self._rails |= _ina3221(folder) if text(folder / "name") == "ina3221" else _ina238(folder)
        for rail, watts in list(self._rails.items()):
            try:
                watts()
            except (OSError, ValueError):
                del self._rails[rail]
                self.skipped.append(rail)
        if not self._rails:
            raise Unreadable(_why_none(self.skipped))
        self.whole, what = next(
            ((rails, what) for rails, what in WHOLES if rails <= self._rails.keys()),
            (frozenset(self._rails), "the module's rails"),
        )
        self.scope = f"{what} ({', '.join(sorted(self.whole))}), not the wall socket"
        self._energy = Integrated(clock)
        self._watts = {rail: watts() for rail, watts in self._rails.items()}
        self._energy.add(self._watts)

    def joules(self) -> dict[str, float]:
        """A channel that answers with an error for once keeps what it last said."""
        for rail, watts in self._rails.items():
            try:
                self._watts[rail] = watts()
            except OSError:
                continue
        return self._energy.add(self._watts)

    def close(self) -> None:
        """Nothing is held open."""


def _chips(root: Path) -> list[Path]:
    """A folder for each chip, however many ways lead to it."""
    found = {
        folder.resolve(): folder
        for pattern in FOLDERS
        for folder in sorted(root.glob(pattern))
        if text(folder / "name") in CHIPS
    }
    return list(found.values())


def _ina3221(folder: Path) -> dict[str, Callable[[], float]]:
    """Watts of the channels that are connected, by the name of their rail."""
    rails: dict[str, Callable[[], float]] = {}
    for channel in CHANNELS:
        label = text(folder / f"in{channel}_label")
        if label and label != UNUSED and text(folder / f"in{channel}_enable") != "0":
            millivolts, milliamperes = folder / f"in{channel}_input", folder / f"curr{channel}_input"
            rails[label] = partial(_product, millivolts, milliamperes)
    return rails


def _product(millivolts: Path, milliamperes: Path) -> float:
    return _number(millivolts) * _number(milliamperes) * 1e-6


def _ina238(folder: Path) -> dict[str, Callable[[], float]]:
    """Watts of the board, from microwatts."""
    label = text(folder / "power1_label") or BOARD
    return {label: lambda: _number(folder / "power1_input") * 1e-6}


def _number(file: Path) -> float:
    return float(file.read_text())


def _why_none(skipped: list[str]) -> str:
    if skipped:
        return f"the INA3221's channels cannot be read ({', '.join(skipped)}); try as root"
    return "there is no INA3221 below sys/class/hwmon, as every Jetson has"
