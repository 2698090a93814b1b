"""Reading TOML on every Python that is supported."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from edgegan.core.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(path: Path) -> dict[str, Any]:
    """The file as a dict; UsageError naming file and line where it does not parse."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise UsageError(f"{path}: not valid TOML: {exc}") from exc


def parse_value(text: str) -> Any:
    """One value as TOML writes it; what does not parse is taken as a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
