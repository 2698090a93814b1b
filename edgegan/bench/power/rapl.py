"""x86 processors' own counters (RAPL) through Linux's powercap: microjoules that wrap."""

from __future__ import annotations

from pathlib import Path

from edgegan.bench.power.contract import Unreadable

ZONES = ("sys/class/powercap/intel-rapl:*", "sys/devices/virtual/powercap/intel-rapl/intel-rapl:*")
RULE = 'SUBSYSTEM=="powercap", ACTION=="add", RUN+="/bin/chmod a+r /sys/class/powercap/%k/energy_uj"'
HELP = (
    "RAPL's counters are readable by root alone since Linux 5.10: run as root, or put "
    f"{RULE!r} into /etc/udev/rules.d/99-rapl.rules and restart"
)


class Rapl:
    """Packages and memory are counted; cores lie within the package, psys covers both."""

    name = "rapl"
    resolution = 0.05

    def __init__(self, root: Path) -> None:
        self._zones = _zones(root)
        if not self._zones:
            raise Unreadable("this processor or kernel has no RAPL counters below sys/class/powercap")
        try:
            self._last = {rail: _number(zone / "energy_uj") for rail, zone in self._zones.items()}
        except PermissionError:
            raise Unreadable(HELP) from None
        except OSError as exc:
            raise Unreadable(f"RAPL's counters cannot be read: {exc.strerror}") from exc
        self._most = {rail: _number(zone / "max_energy_range_uj") for rail, zone in self._zones.items()}
        self._joules = dict.fromkeys(self._zones, 0.0)
        self.whole = frozenset(rail for rail in self._zones if rail.startswith(("package", "dram"))) or frozenset(
            self._zones
        )
        self.scope = f"the processor package ({', '.join(sorted(self.whole))}), not the board"

    def joules(self) -> dict[str, float]:
        for rail, zone in self._zones.items():
            now = _number(zone / "energy_uj")
            self._joules[rail] += ((now - self._last[rail]) % (self._most[rail] + 1)) * 1e-6
            self._last[rail] = now
        return dict(self._joules)

    def close(self) -> None:
        """Nothing is held open."""


def _zones(root: Path) -> dict[str, Path]:
    """The folder of every zone by its name; those of equal names, one a package, by their number too."""
    folders = {folder.name: folder for pattern in ZONES for folder in _with_parts(root, pattern)}
    named = {name: (folder / "name").read_text().strip() for name, folder in folders.items()}
    counts = list(named.values())
    return {
        label if counts.count(label) == 1 else f"{label} ({name.removeprefix('intel-rapl:')})": folders[name]
        for name, label in named.items()
    }


def _with_parts(root: Path, pattern: str) -> list[Path]:
    zones = [zone for zone in sorted(root.glob(pattern)) if (zone / "energy_uj").exists()]
    return zones + [part for zone in zones for part in sorted(zone.glob("intel-rapl:*")) if (part / "name").exists()]


def _number(file: Path) -> int:
    return int(file.read_text())
