"""Write docs/schemas.md and docs/schemas/*.json from the types in edgegan.core.schemas: python docs/schemas.py."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter

from edgegan.core import schemas

HERE = Path(__file__).parent
CONFIG = ConfigDict(use_attribute_docstrings=True, extra="forbid")


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of one kind of file; unknown keys are refused at every level that names its own."""
    for kind in vars(schemas).values():
        if inspect.isclass(kind) and hasattr(kind, "__total__"):
            kind.__pydantic_config__ = CONFIG
    found = TypeAdapter(schemas.FILES[name]).json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def markdown() -> str:
    """Every type of every file, as tables."""
    parts = ["# The files EdgeGAN writes", "", "Generated from `edgegan/core/schemas/` by `make docs`.", ""]
    parts += [line for line in (inspect.getdoc(schemas) or "").split("\n\n")[1:] for line in (_inline(line), "")]
    written: set[str] = set()
    for name in schemas.FILES:
        schema = json_schema(name)
        parts += [f"## {name}", "", f"[`docs/schemas/{name}.json`](schemas/{name}.json)", ""]
        parts += _table(schema["title"], schema)
        for title, nested in schema.get("$defs", {}).items():
            if title not in written:
                written.add(title)
                parts += _table(title, nested)
    return "\n".join(parts)


def _table(title: str, schema: dict[str, Any]) -> list[str]:
    lines = [f"### {title}", "", _inline(schema.get("description", "")), "", "| key | type | |", "| --- | --- | --- |"]
    for key, value in schema["properties"].items():
        left_out = "" if key in schema.get("required", ()) else "may be left out. "
        lines.append(f"| `{key}` | {_type(value)} | {left_out}{_inline(value.get('description', ''))} |")
    return [*lines, ""]


def _type(value: dict[str, Any]) -> str:
    """A JSON Schema type in words."""
    if "$ref" in value:
        title = value["$ref"].rpartition("/")[2]
        return f"[{title}](#{title.lower()})"
    if "anyOf" in value:
        return " or ".join(_type(each) for each in value["anyOf"])
    if "const" in value or "enum" in value:
        return ", ".join(f"`{each}`" for each in value.get("enum", [value.get("const")]))
    if value.get("type") == "array":
        return f"list of {_type(value['items'])}"
    if value.get("type") == "object":
        values = value.get("additionalProperties")
        return f"object of {_type(values)}" if isinstance(values, dict) else "object"
    return str(value.get("type", "anything"))


def _inline(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")


def write() -> list[Path]:
    """All files, returned as they were written."""
    folder = HERE / "schemas"
    folder.mkdir(exist_ok=True)
    paths = [HERE / "schemas.md"]
    paths[0].write_text(markdown())
    for name in schemas.FILES:
        paths.append(folder / f"{name}.json")
        paths[-1].write_text(json.dumps(json_schema(name), indent=2) + "\n")
    return paths


if __name__ == "__main__":
    for path in write():
        print(path)
