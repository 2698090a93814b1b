"""Calling a factory that the user names: a function in a module or in a file."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import Any

from edgegan.core.errors import ModelError, nearest
from edgegan.models.zoo import ZOO


def import_factory(text: str) -> Any:
    """What the callable without arguments at ``package.module:name`` or ``path/file.py:name`` returns. Raises
    ModelError."""
    where, _, name = text.rpartition(":")
    module = _import_file(Path(where)) if where.endswith(".py") else _import_module(where)
    factory = getattr(module, name, None)
    if factory is None:
        functions = [k for k, v in vars(module).items() if callable(v) and not k.startswith("_")]
        raise ModelError(
            f"{where} has no {name!r}; {nearest(name, functions) if functions else 'it defines no functions'}"
        )
    try:
        return factory()
    except Exception as exc:
        raise ModelError(f"{text} failed: {type(exc).__name__}: {exc}{_where(exc)}") from exc


def _import_file(path: Path) -> Any:
    if not path.is_file():
        raise ModelError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(f"edgegan_user_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except Exception as exc:
        raise ModelError(f"{path} cannot be imported: {type(exc).__name__}: {exc}{_where(exc)}") from exc
    return module


def _import_module(name: str) -> Any:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        if exc.name == name or (exc.name and name.startswith(exc.name + ".")):
            raise ModelError(
                f"there is no module {name!r} here; give package.module:factory, path/file.py:factory, or one of the "
                f"zoo: {', '.join(sorted(ZOO))}"
            ) from exc
        raise ModelError(f"{name} cannot be imported: {exc}") from exc
    except Exception as exc:
        raise ModelError(f"{name} cannot be imported: {type(exc).__name__}: {exc}{_where(exc)}") from exc


def _where(exc: BaseException) -> str:
    frames = [
        f
        for f in traceback.extract_tb(exc.__traceback__)
        if "/torch/" not in f.filename and "importlib" not in f.filename
    ]
    return f" (at {frames[-1].filename}:{frames[-1].lineno})" if frames else ""
