"""The training run, on Accelerate: one process or many, checkpoints, logs, pictures, alarms."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState
from accelerate.utils import set_seed
from safetensors.torch import save_file

from edgegan.core.errors import UsageError
from edgegan.core.files import atomic_path, write_json
from edgegan.core.progress import Progress, Silent
from edgegan.core.sampling import float_to_image, sample_inputs
from edgegan.models.zoo import ZooModel, find
from edgegan.train import alarms, checkpoint, plots
from edgegan.train.batches import Batches, stream
from edgegan.train.checkpoint import State
from edgegan.train.objectives import make_objective, objective_of
from edgegan.train.recipe import Recipe
from edgegan.train.step import micro_batches_per_step, train_step
from edgegan.train.sync_norm import synchronise

SAMPLES, SHEET, SAMPLE_SEED = 64, 36, 0


def train(recipe: Recipe, out: Path, progress: Progress | None = None) -> Path:
    """Train ``recipe.model`` and return the path of the averaged weights, ``out/generator.safetensors``.

    An interrupted run of the same recipe continues from ``out/checkpoint.pt``, bit for bit. Under ``accelerate launch``
    every process trains on its share of each batch; the first one writes.
    """
    model = find(recipe.model)
    accelerator = _accelerator(recipe, out)
    progress = progress if progress and accelerator.is_main_process else Silent()
    progress.stage("data")
    batches = _open_batches(recipe, model, accelerator, progress)
    set_seed(recipe.seed)
    state = _prepared(model, recipe, accelerator)
    if accelerator.num_processes > 1:
        torch.manual_seed(recipe.seed + accelerator.process_index)
    if (out / "checkpoint.pt").exists():
        checkpoint.resume(state, recipe, accelerator, out / "checkpoint.pt")
        progress.note(f"resumed at step {state.step}")
    accelerator.init_trackers("tensorboard")
    spread = alarms.mean_distance(_real_pictures(batches))
    progress.stage("train")
    each = micro_batches_per_step(recipe)
    coming = stream(batches, state.step * each, recipe.steps * each)
    since: list[dict[str, torch.Tensor]] = []
    while state.step < recipe.steps:
        since.append(train_step(state, coming, recipe, accelerator))
        progress.step(state.step, recipe.steps)
        if state.step % recipe.checkpoint_every == 0 or state.step == recipe.steps:
            _record(state, since, model, recipe, accelerator, batches, spread, out, progress)
            since = []
    weights = out / "generator.safetensors"
    if accelerator.is_main_process:
        with atomic_path(weights) as temporary:
            save_file({name: value.contiguous() for name, value in state.average.state_dict().items()}, temporary)
    accelerator.wait_for_everyone()  # a process that leaves while another still writes may leave it hanging in gloo
    accelerator.end_training()
    return weights


def _accelerator(recipe: Recipe, out: Path) -> Accelerator:
    AcceleratorState._reset_state()  # an earlier run of this process may have had another precision
    # Buffers are BatchNorm's, which is synchronised, and spectral norm's, which are the same everywhere.
    try:
        return Accelerator(
            mixed_precision=recipe.mixed_precision,
            log_with="tensorboard",
            project_dir=out,
            kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
        )
    except ValueError as exc:
        raise UsageError(
            f"recipe: mixed_precision = {recipe.mixed_precision!r} is not for this machine: {exc}"
        ) from exc


def _open_batches(recipe: Recipe, model: ZooModel, accelerator: Accelerator, progress: Progress) -> Batches:
    for path in filter(None, (recipe.data, recipe.data_b)):
        if ":" not in path and not Path(path).exists():
            raise UsageError(
                f"the recipe's data {path} is not here{f' (it comes from: {recipe.origin})' if recipe.origin else ''}; "
                "pass --data"
            )
    kind = objective_of(model, recipe).batches
    batches = kind(recipe, model, accelerator.process_index, accelerator.num_processes, progress.step)
    if batches.broken:
        progress.note(f"{batches.broken} pictures cannot be read and are left out")
    return batches


def _prepared(model: ZooModel, recipe: Recipe, accelerator: Accelerator) -> State:
    objective = make_objective(model, recipe)
    if accelerator.num_processes > 1:
        objective.networks = {
            name: synchronise(network, accelerator.device) for name, network in objective.networks.items()
        }
    average = copy.deepcopy(objective.networks["generator"]).to(accelerator.device).eval().requires_grad_(False)
    sides: dict[str, list[torch.nn.Parameter]] = {"generator": [], "discriminator": []}
    for name, network in objective.networks.items():
        sides["discriminator" if name in objective.critic_names else "generator"] += list(
            network.to(accelerator.device).parameters()
        )
    rates = {"generator": recipe.lr_generator, "discriminator": recipe.lr_discriminator}
    optimizers = {
        side: accelerator.prepare(torch.optim.Adam(parameters, rates[side], (recipe.beta1, recipe.beta2)))
        for side, parameters in sides.items()
        if parameters
    }
    networks = {name: accelerator.prepare(network) for name, network in objective.networks.items()}
    return State(objective, networks, average, optimizers)


def _record(
    state: State,
    since: list[dict[str, torch.Tensor]],
    model: ZooModel,
    recipe: Recipe,
    accelerator: Accelerator,
    batches: Batches,
    spread: float,
    out: Path,
    progress: Progress,
) -> None:
    """The mean losses since the last time, checked, logged and drawn; a sheet of samples; a checkpoint."""
    names = sorted(set().union(*since))
    means = torch.stack([torch.stack([row[name] for row in since if name in row]).mean() for name in names])
    values: Any = accelerator.reduce(means.to(accelerator.device), "mean")
    row = dict(zip(names, (float(v) for v in values), strict=True))
    alarms.require_finite(row, state.step)
    pictures, sheet, columns = sample_images(state.average, model, SAMPLES, batches)
    row["diversity"] = alarms.mean_distance(pictures) / spread if spread else 1.0
    if row["diversity"] < recipe.collapse_share:
        progress.note(
            f"step {state.step}: mode collapse? samples differ from each other {row['diversity']:.2f} times as much as "
            f"the data (alarm below {recipe.collapse_share:g})"
        )
    progress.note(f"step {state.step}: " + ", ".join(f"{name} {value:.3f}" for name, value in row.items()))
    state.history.append({"step": state.step} | row)
    accelerator.log(row, step=state.step)
    checkpoint.save(state, recipe, accelerator, out / "checkpoint.pt")
    if accelerator.is_main_process:
        write_json(out / "losses.json", state.history)
        plots.loss_curve(state.history, out / "losses.png")
        plots.sample_sheet(sheet, out / "samples.png", columns)
    accelerator.wait_for_everyone()


def _real_pictures(batches: Batches) -> np.ndarray:
    """Up to 64 of what the generator should make, uint8 (N, H, W, C), the same on every run."""
    batch = batches.make(0, np.arange(min(SAMPLES, batches.micro, len(batches.first))), 0)
    pictures = next(batch[name] for name in ("target", "b", "image") if name in batch)
    return pictures.numpy()


@torch.no_grad()
def sample_images(
    generator: torch.nn.Module, model: ZooModel, count: int, batches: Batches
) -> tuple[np.ndarray, np.ndarray, int]:
    """Pictures (N, H, W, C); the sheet's, for image-to-image input, output and, where there is one, the wanted output;
    its columns."""
    device = next(generator.parameters()).device
    shown = batches.make(0, np.arange(min(count, len(batches.first))), 0)
    source = next((shown[name] for name in ("input", "a") if name in shown), None)
    values = sample_inputs(
        model.spec.inputs,
        count if source is None else len(source),
        SAMPLE_SEED,
        None if source is None else source.numpy(),
    )
    made = generator(*(torch.from_numpy(v).to(device) for v in values.values()))
    pictures = float_to_image(made.float().cpu().numpy(), model.spec.output_range)
    if source is None:
        return pictures, pictures, 8
    sets = [source.numpy(), pictures, *([shown["target"].numpy()] if "target" in shown else [])]
    return pictures, plots.side_by_side([each[:SHEET] for each in sets]), 12 // len(sets) * len(sets)


def read_history(out: Path) -> list[dict[str, float]]:
    history: list[dict[str, float]] = json.loads((out / "losses.json").read_text())
    return history
