"""A run's whole state in one file: what was stopped goes on bit for bit where it was."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from edgegan.core.errors import OutputError, UsageError
from edgegan.core.files import atomic_path, disk_errors
from edgegan.train.objectives.base import Objective
from edgegan.train.recipe import Recipe

MAY_CHANGE = ("steps", "workers", "checkpoint_every", "origin", "collapse_share")


@dataclass
class State:
    """What a run is made of. ``networks`` are prepared by Accelerate, ``objective.networks`` the same ones bare."""

    objective: Objective
    networks: dict[str, torch.nn.Module]
    average: torch.nn.Module
    optimizers: dict[str, Any]
    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


def save(state: State, recipe: Recipe, accelerator: Accelerator, path: Path) -> None:
    """Written by the main process; every process contributes its random state."""
    random = gather_object([torch.get_rng_state()])
    scaler = getattr(accelerator, "scaler", None)
    if not accelerator.is_main_process:
        return
    content = {
        "recipe": asdict(recipe) | {"classes": list(recipe.classes), "classes_b": list(recipe.classes_b)},
        "networks": {name: network.state_dict() for name, network in state.objective.networks.items()},
        "average": state.average.state_dict(),
        "optimizers": {side: optimizer.state_dict() for side, optimizer in state.optimizers.items()},
        "objective": state.objective.state(),
        "scaler": scaler.state_dict() if scaler is not None else {},
        "step": state.step,
        "history": state.history,
        "random": random,
    }
    with atomic_path(path) as temporary, disk_errors(path):
        torch.save(content, temporary)


def resume(state: State, recipe: Recipe, accelerator: Accelerator, path: Path) -> None:
    """Take the state back; OutputError where the checkpoint belongs to another recipe, or is damaged."""
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
        saved = content["recipe"]
    except Exception as exc:
        raise OutputError(
            f"{path} is no checkpoint that can be read ({type(exc).__name__}); choose another --out or --force"
        ) from exc
    if saved.get("model") != recipe.model:
        raise OutputError(
            f"{path} is a checkpoint of {saved.get('model')!r}, not of {recipe.model!r}; choose another --out or "
            "--force"
        )
    wanted = asdict(recipe) | {"classes": list(recipe.classes), "classes_b": list(recipe.classes_b)}
    changed = [key for key, value in wanted.items() if saved.get(key) != value and key not in MAY_CHANGE]
    if changed:
        differences = ", ".join(f"{key} {saved.get(key)!r} -> {wanted[key]!r}" for key in changed)
        raise OutputError(f"{path} belongs to another recipe ({differences}); choose another --out or --force")
    if len(content["random"]) != accelerator.num_processes:
        raise UsageError(
            f"{path} was written by {len(content['random'])} processes; resume it with as many, not "
            f"{accelerator.num_processes}"
        )
    for name, network in state.objective.networks.items():
        network.load_state_dict(content["networks"][name])
    state.average.load_state_dict(content["average"])
    for side, optimizer in state.optimizers.items():
        optimizer.load_state_dict(content["optimizers"][side])
    if content["scaler"]:
        accelerator.scaler.load_state_dict(content["scaler"])
    state.objective.restore(content["objective"])
    state.step, state.history = content["step"], content["history"]
    torch.set_rng_state(content["random"][accelerator.process_index])
