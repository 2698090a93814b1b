"""The training loop, on Accelerate: alternate one discriminator and one generator step, average, checkpoint, resume."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from safetensors.torch import load_file, save_file

from edgegan.core.errors import ModelError, OutputError, UsageError
from edgegan.core.files import atomic_path, disk_errors, write_json
from edgegan.core.images import read_images
from edgegan.core.sampling import float_to_image, image_to_float, sample_inputs
from edgegan.core.spec import TensorSpec
from edgegan.models.zoo import ZooModel, find
from edgegan.train import plots
from edgegan.train.losses import non_saturating_discriminator, non_saturating_generator
from edgegan.train.recipe import Recipe

Progress = Callable[[int, int, dict[str, float]], None]


@dataclass
class State:
    """What a run is made of; a checkpoint holds all of it."""

    generator: torch.nn.Module
    discriminator: torch.nn.Module
    average: torch.nn.Module
    optimizers: tuple[torch.optim.Optimizer, torch.optim.Optimizer]
    step: int
    history: list[dict[str, float]]


def train(recipe: Recipe, out: Path, progress: Progress | None = None) -> Path:
    """Train ``recipe.model`` and return the path of the averaged weights, ``out/generator.safetensors``.

    An interrupted run of the same recipe continues from ``out/checkpoint.pt``, with the same random state and data order.
    """
    model = find(recipe.model)
    images = _load_images(recipe, model)
    accelerator = Accelerator()
    set_seed(recipe.seed)
    state = _fresh(model, recipe, accelerator)
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        _resume(state, checkpoint, recipe)
    losses: list[dict[str, float]] = []
    for batch in _batches(images, recipe, state.step):
        losses.append(_step(state, torch.from_numpy(batch).to(accelerator.device), model, recipe, accelerator))
        state.step += 1
        if progress:
            progress(state.step, recipe.steps, losses[-1])
        if state.step % recipe.checkpoint_every == 0 or state.step == recipe.steps:
            state.history.append({"step": state.step} | {k: float(np.mean([row[k] for row in losses])) for k in losses[0]})
            losses = []
            _save(state, recipe, model, out)
    weights = out / "generator.safetensors"
    with atomic_path(weights) as temporary:
        save_file(state.average.state_dict(), temporary)
    return weights


def _load_images(recipe: Recipe, model: ZooModel) -> np.ndarray:
    if not Path(recipe.data).exists():
        raise UsageError(f"the recipe's data {recipe.data} is not here{f' (it comes from: {recipe.origin})' if recipe.origin else ''}; pass --data")
    size, channels = model.arguments["size"], model.arguments["channels"]
    return read_images(recipe.data, size=(size, size), channels=channels)


def _fresh(model: ZooModel, recipe: Recipe, accelerator: Accelerator) -> State:
    generator, discriminator = model.build().train(), model.build_discriminator()
    betas = (recipe.beta1, recipe.beta2)
    optimizers = (
        torch.optim.Adam(generator.parameters(), recipe.lr_generator, betas),
        torch.optim.Adam(discriminator.parameters(), recipe.lr_discriminator, betas),
    )
    average = copy.deepcopy(generator).to(accelerator.device).eval()
    generator, discriminator, *prepared = accelerator.prepare(generator, discriminator, *optimizers)
    return State(generator, discriminator, average, (prepared[0], prepared[1]), 0, [])


def _batches(images: np.ndarray, recipe: Recipe, start: int) -> Iterator[np.ndarray]:
    """Float batches (batch, C, H, W) in -1..1 from step ``start`` on; each epoch is a permutation seeded by its number."""
    per_epoch = max(1, len(images) // recipe.batch)
    spec = TensorSpec(name="x", kind="image", shape=images.shape[1:], range=(-1.0, 1.0))
    for step in range(start, recipe.steps):
        epoch, index = divmod(step, per_epoch)
        if index == 0 or step == start:
            order = np.random.default_rng([recipe.seed, epoch]).permutation(len(images))
        yield image_to_float(images[order[index * recipe.batch : (index + 1) * recipe.batch]], spec)


def _step(state: State, real: torch.Tensor, model: ZooModel, recipe: Recipe, accelerator: Accelerator) -> dict[str, float]:
    z = torch.randn(len(real), *model.spec.inputs[0].shape, device=real.device)
    fake = state.generator(z)
    loss_d = non_saturating_discriminator(state.discriminator(real), state.discriminator(fake.detach()))
    state.optimizers[1].zero_grad()
    accelerator.backward(loss_d)
    state.optimizers[1].step()
    loss_g = non_saturating_generator(state.discriminator(fake))
    state.optimizers[0].zero_grad()
    accelerator.backward(loss_g)
    state.optimizers[0].step()
    row = {"generator": loss_g.item(), "discriminator": loss_d.item()}
    if not np.isfinite(list(row.values())).all():
        raise ModelError(f"training diverged at step {state.step + 1}: losses {row}; lower the learning rates in the recipe")
    _average(state.average, accelerator.unwrap_model(state.generator), min(recipe.ema, (1 + state.step) / (10 + state.step)))
    return row


@torch.no_grad()
def _average(average: torch.nn.Module, current: torch.nn.Module, decay: float) -> None:
    for kept, new in zip(average.state_dict().values(), current.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)


def _save(state: State, recipe: Recipe, model: ZooModel, out: Path) -> None:
    content = {
        "recipe": asdict(recipe),
        "generator": state.generator.state_dict(),
        "discriminator": state.discriminator.state_dict(),
        "average": state.average.state_dict(),
        "optimizers": [o.state_dict() for o in state.optimizers],
        "step": state.step,
        "history": state.history,
        "random": torch.get_rng_state(),
    }
    checkpoint = out / "checkpoint.pt"
    with atomic_path(checkpoint) as temporary, disk_errors(checkpoint):
        torch.save(content, temporary)
    write_json(out / "losses.json", state.history)
    plots.loss_curve(state.history, out / "losses.png")
    plots.sample_sheet(sample_images(state.average, model, 64), out / "samples.png")


@torch.no_grad()
def sample_images(generator: torch.nn.Module, model: ZooModel, count: int, seed: int = 0) -> np.ndarray:
    """uint8 (count, H, W, C) from seeded inputs."""
    device = next(generator.parameters()).device
    values = sample_inputs(model.spec.inputs, count, seed)
    outputs = generator(*(torch.from_numpy(v).to(device) for v in values.values()))
    return float_to_image(outputs.cpu().numpy(), model.spec.output_range)


def _resume(state: State, checkpoint: Path, recipe: Recipe) -> None:
    content = torch.load(checkpoint, weights_only=True, map_location="cpu")
    saved = content["recipe"]
    changed = [k for k, v in asdict(recipe).items() if saved.get(k) != v and k != "steps"]
    if changed:
        listed = ", ".join(f"{k} {saved.get(k)!r} -> {getattr(recipe, k)!r}" for k in changed)
        raise OutputError(f"{checkpoint} belongs to another recipe ({listed}); choose another --out or --force")
    state.generator.load_state_dict(content["generator"])
    state.discriminator.load_state_dict(content["discriminator"])
    state.average.load_state_dict(content["average"])
    for optimizer, saved_state in zip(state.optimizers, content["optimizers"], strict=True):
        optimizer.load_state_dict(saved_state)
    state.step, state.history = content["step"], content["history"]
    torch.set_rng_state(content["random"])


def load_generator(model: ZooModel, weights: Path) -> torch.nn.Module:
    """The zoo generator with the given safetensors weights."""
    generator = model.build()
    generator.load_state_dict(load_file(weights))
    return generator


def read_history(out: Path) -> list[dict[str, float]]:
    history: list[dict[str, float]] = json.loads((out / "losses.json").read_text())
    return history
