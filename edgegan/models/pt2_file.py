"""Is a .pt2 file data alone? torch.export.load would unpickle parts of it, and evaluate its symbolic sizes, with no
question."""

from __future__ import annotations

import io
import json
import pickle
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from edgegan.core.errors import ModelError

KNOWN = re.compile(
    r"^[^/]+/(archive_format|archive_version|byteorder|\.data/(version|serialization_id)|models/model\.json|data/sample_inputs/model\.pt"
    r"|data/(weights|constants)/(model_(weights|constants)_config\.json|(weight|tensor)_\d+))$"
)
SYMBOL = re.compile(r"Symbol\('\w+'(, \w+=(True|False))*\)")
EXPRESSION = re.compile(r"^[\w +\-*/(),]*$")
"""Sums, products and calls such as Max(s0, 1): what sizes are made of, with no attribute, string or dunder in it."""


def check_pt2(path: Path) -> None:
    """Raise ModelError where ``path`` is no archive of torch.export.save, or loading it could run code."""
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if not KNOWN.match(name):
                    raise ModelError(
                        f"{path} holds {name!r}, which is not part of a plain exported program; export the generator "
                        f"alone with this PyTorch ({torch.__version__})"
                    )
                if name.endswith(".json"):
                    _check_json(path, name, json.loads(archive.read(name)))
                if name.endswith(".pt"):
                    torch.load(io.BytesIO(archive.read(name)), weights_only=True)
    except (pickle.UnpicklingError, RuntimeError) as exc:
        raise ModelError(
            f"{path} is refused: its sample inputs hold more than tensors, and loading them would run code"
        ) from exc
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, LookupError, TypeError, zlib.error) as exc:
        raise ModelError(f"{path} is not a file of torch.export.save: {exc}") from exc


def _check_json(path: Path, name: str, content: Any) -> None:
    for key, value in _entries(content):
        if key == "use_pickle" and value is not False:
            raise ModelError(f"{path} is refused: {name} asks for pickled weights, and loading them would run code")
        if key == "path_name" and not re.fullmatch(r"(weight|tensor)_\d+", str(value)):
            raise ModelError(f"{path} is refused: {name} names {value!r}, which is not a plain tensor")
        if key == "expr_str" and (not EXPRESSION.match(SYMBOL.sub("s", str(value))) or "__" in str(value)):
            raise ModelError(f"{path} is refused: {name} holds the expression {str(value)[:40]!r}, which is not a size")


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value of nested JSON."""
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            yield from value.items()
            pending += value.values()
        elif isinstance(value, list):
            pending += value
