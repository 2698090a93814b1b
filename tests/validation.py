"""Files that were written, held against the JSON Schema that the documentation gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema

FOLDER = Path(__file__).parents[1] / "docs" / "schemas"


def validate(kind: str, content: Mapping[str, Any]) -> None:
    """Raise ``jsonschema.ValidationError`` where ``content`` is no manifest, report or bench."""
    schema = json.loads((FOLDER / f"{kind}.json").read_text())
    jsonschema.validate(json.loads(json.dumps(content)), schema, cls=jsonschema.Draft202012Validator)
