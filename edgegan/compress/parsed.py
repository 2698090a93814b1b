"""Options from texts: what a caller or a command line gave by name becomes values."""

from __future__ import annotations

from typing import Any

from edgegan.compress.options import Options
from edgegan.compress.settings import declared
from edgegan.core.errors import UsageError, nearest
from edgegan.remote.adb import Phone


def options_of(given: dict[str, Any]) -> Options:
    """Options of what a caller or a command line gave by name: texts become values, None the default.

    Raises UsageError for a name that there is not, with the nearest.
    """
    known = {each.name: each for each in declared(Options)}
    for name in given:
        if name not in known:
            raise UsageError(f"there is no option {name!r}; {nearest(name, known)}")
    values = {}
    for name, value in given.items():
        convert = known[name].setting.convert
        if value is not None:
            values[name] = convert(value) if convert else value
    if isinstance(values.get("device"), Phone):
        values["phone"] = values.pop("device")
    if isinstance(values.get("batch"), tuple):
        values |= {"batches": values["batch"], "batch": values["batch"][0]}
    return Options(**values)
