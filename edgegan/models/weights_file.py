"""Weights from a file: safetensors, or a torch file read as data only."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgegan.core.errors import ModelError, first_line, nearest

State = Mapping[str, torch.Tensor]


def read_weights(path: Path, key: str | None) -> State:
    """The state dict in ``path``; ``key`` picks a nested one. Code in a file is never run: ``weights_only=True``.

    Where the file holds nested dicts and one of them alone is a state dict, it is taken. Raises ModelError.
    """
    if not path.is_file():
        raise ModelError(f"--weights {path}: no such file")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as exc:
        if zipfile.is_zipfile(path) or "Unsupported global" in str(exc) or "GLOBAL" in str(exc):
            raise ModelError(
                f"--weights {path} holds more than weights and is refused: loading it would run code. Save the "
                "state_dict alone: torch.save(model.state_dict(), ...)"
            ) from exc
        raise ModelError(f"--weights {path} is not a checkpoint of torch.save, nor .safetensors") from exc
    except Exception as exc:
        raise ModelError(
            f"--weights {path} is not a checkpoint of torch.save, nor .safetensors: {first_line(exc)}"
        ) from exc
    return _pick(content, key, path)


def _read_safetensors(path: Path) -> State:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as exc:
        raise ModelError(f"--weights {path} is not a sound safetensors file: {first_line(exc)}") from exc


def _pick(content: Any, key: str | None, path: Path) -> State:
    nested = {str(k): v for k, v in content.items() if _is_state(v)} if isinstance(content, Mapping) else {}
    if key is not None:
        if key not in nested:
            raise ModelError(
                f"--weights-key {key}: {path} has no such state dict; "
                f"{nearest(key, nested) if nested else 'it holds no nested ones'}"
            )
        return _stripped(nested[key])
    if _is_state(content):
        return _stripped(content)
    if len(nested) == 1:
        return _stripped(next(iter(nested.values())))
    if nested:
        raise ModelError(
            f"--weights {path} holds several state dicts; choose with --weights-key: {', '.join(sorted(nested))}"
        )
    raise ModelError(f"--weights {path} holds {type(content).__name__}, not a state dict of tensors")


def _is_state(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in value.items())
    )


def _stripped(state: State) -> State:
    return {k.removeprefix("module."): v for k, v in state.items()}


def load_weights(module: nn.Module, state: State, path: Path) -> None:
    """Put ``state`` into ``module``; ModelError naming the first key that does not fit, with both shapes."""
    own = module.state_dict()
    for name, tensor in own.items():
        if name not in state:
            if name.endswith("num_batches_tracked"):
                continue
            raise ModelError(
                f"--weights {path} does not fit: the model's {name} {tuple(tensor.shape)} is not in the file "
                f"({_count(state, own)})"
            )
        if state[name].shape != tensor.shape:
            raise ModelError(
                f"--weights {path} does not fit: {name} is {tuple(state[name].shape)} in the file, "
                f"{tuple(tensor.shape)} in the model"
            )
    extra = [k for k in state if k not in own]
    if extra:
        raise ModelError(
            f"--weights {path} does not fit: the file's {extra[0]} {tuple(state[extra[0]].shape)} is not in the model "
            f"({_count(state, own)})"
        )
    module.load_state_dict(state, strict=False)


def _count(state: State, own: State) -> str:
    return f"{len(state.keys() & own.keys())} of the model's {len(own)} names match"
