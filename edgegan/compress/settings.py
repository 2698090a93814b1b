"""How an option is declared: once, with all that the command line, the Python call, the stage files and the
documentation need to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal

from edgegan.core.errors import UsageError, nearest

Command = Literal["compress", "prune", "quantize", "export"]
Stage = Literal["prune", "rewrite", "quantize", "export", "measure"]
COMMANDS: tuple[Command, ...] = ("compress", "prune", "quantize", "export")
STAGES: tuple[Stage, ...] = ("prune", "rewrite", "quantize", "export", "measure")
"""In the order in which they run."""
KEY = "edgegan"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is known of an option beside its name, type and default.

    ``help``: for people. ``invalidates``: the first stage whose files depend on it, None for gates and for where things
    are put. ``identity``: what the stage files know it by, where that is not its own value: a property of the options,
    or a fact of the run (``network``, ``data``). ``commands``: those that take it. ``flag``: where it is not
    ``--name-with-dashes``; empty for the argument. ``text``: the type that the command line takes. ``convert``: makes
    the value of what is given. ``defaults``: other ones, by command.
    """

    help: str
    invalidates: Stage | None
    identity: str | None = None
    commands: tuple[Command, ...] = COMMANDS
    flag: str | None = None
    metavar: str | None = None
    text: Any = None
    convert: Callable[[Any], Any] | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)


def option(default: Any = MISSING, *, help: str, invalidates: Stage | None, **details: Any) -> Any:
    """A dataclass field that is an option: ``invalidates`` has no default, so that none is forgotten by the stage
    files."""
    return field(default=default, metadata={KEY: Setting(help=help, invalidates=invalidates, **details)})


@dataclass(frozen=True)
class Declared:
    """An option of a dataclass, as declared."""

    name: str
    default: Any
    setting: Setting

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-") if self.setting.flag is None else self.setting.flag


def declared(of: Any) -> list[Declared]:
    """The options of a dataclass in their order. Raises TypeError for a field that was not declared as one: what its
    stage files depend on would not be said."""
    options = []
    for each in fields(of):
        if KEY not in each.metadata:
            raise TypeError(f"{of.__name__}.{each.name} is not an option(): say whether stage files depend on it")
        options.append(Declared(each.name, each.default, each.metadata[KEY]))
    return options


def check_stage(until: str, known: tuple[str, ...]) -> None:
    """Raises UsageError for a stage that there is not."""
    if until not in known:
        raise UsageError(f"until={until!r} is no stage; {nearest(until, known)}")
