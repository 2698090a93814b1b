"""A device target, read from TOML: what it runs, in which precisions, where its engine is built."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from edgegan.core.backends import backend_names
from edgegan.core.errors import UsageError, nearest
from edgegan.core.toml import read_toml

PACKAGED = Path(__file__).parents[1] / "targets"
CHECKOUT = Path(__file__).parents[2] / "targets"
PRECISIONS = ("fp32", "fp16", "bf16", "int8")
POWER_SOURCES = ("ina3221", "nvml", "rapl")


@dataclass(frozen=True, kw_only=True)
class Target:
    """One device. ``targets/README.md`` explains every key.

    ``runtimes``: backends that may be chosen, the device's own first. ``precisions``: what it takes, the preferred
    first. ``runs_here``: whether this machine's CPU is a stand-in for the device's, so that candidates are measured
    here. ``build``: ``here`` (ahead of time) or ``device`` (from a bundle).
    ``power``: what reads the device's power, one of POWER_SOURCES. ``machine``: its processor, as ``uname -m`` has it.
    ``measured_in``: ``browser`` where candidates are timed in one. ``accelerator``: ``gpu`` where LiteRT's GPU delegate
    runs them.
    """

    name: str
    description: str
    runtimes: tuple[str, ...]
    precisions: tuple[str, ...]
    runs_here: bool
    build: str = "here"
    compute_capability: str | None = None
    power: str | None = None
    machine: str | None = None
    measured_as: str | None = None
    measured_in: str | None = None
    accelerator: str | None = None

    @property
    def runtime(self) -> str:
        return self.runtimes[0]

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "description": self.description, "runtime": self.runtime} | {
            k: list(v) if isinstance(v, tuple) else v
            for k, v in asdict(self).items()
            if k not in ("name", "description")
        }


def folder() -> Path:
    """Where the shipped targets lie: inside an installed package, or beside it in a checkout."""
    return PACKAGED if PACKAGED.is_dir() else CHECKOUT


def names() -> list[str]:
    return sorted(p.stem for p in folder().glob("*.toml"))


def load_target(name: str) -> Target:
    """A shipped target's name, or the path of a TOML file of the same form. Raises UsageError."""
    if name in names():
        return read_target(folder() / f"{name}.toml")
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise UsageError(f"--target {name}: no such file")
        return read_target(path)
    raise UsageError(f"there is no target {name!r}; {nearest(name, names())}")


def read_target(path: Path) -> Target:
    """Read one TOML file; unknown keys and values are refused with the list of known ones."""
    table = read_toml(path)
    known = [f.name for f in fields(Target) if f.name != "name"]
    for key in table:
        if key not in known:
            raise UsageError(f"{path}: unknown key {key!r}; {nearest(key, known)}")
    try:
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
        target = Target(name=path.stem, **values)
    except TypeError as exc:
        raise UsageError(f"{path}: {str(exc).replace('Target.__init__()', 'the target')}") from exc
    _check(path, "runtimes", target.runtimes, backend_names())
    _check(path, "precisions", target.precisions, PRECISIONS)
    _check(path, "build", (target.build,), ("here", "device"))
    if target.measured_in is not None:
        _check(path, "measured_in", (target.measured_in,), ("browser",))
    if target.accelerator is not None:
        _check(path, "accelerator", (target.accelerator,), ("gpu",))
    if target.power is not None:
        _check(path, "power", (target.power,), POWER_SOURCES)
    if not isinstance(target.runs_here, bool):
        raise UsageError(f"{path}: runs_here = {target.runs_here!r} must be true or false")
    if target.runtime == "tensorrt-rtx" and not target.compute_capability:
        raise UsageError(f'{path}: the runtime tensorrt-rtx needs compute_capability, such as "8.9"')
    return target


def _check(path: Path, key: str, values: Any, known: tuple[str, ...]) -> None:
    if not isinstance(values, tuple) or not values:
        raise UsageError(f"{path}: {key} must be a list of at least one of {', '.join(known)}")
    for value in values:
        if value not in known:
            raise UsageError(f"{path}: {key} holds {value!r}; {nearest(str(value), known)}")
