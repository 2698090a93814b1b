"""Which latent directions do what: principal components of early activations, taken back to the latent (GANSpace)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from edgegan.bench.drawing import Drawer
from edgegan.core.errors import UsageError
from edgegan.core.sampling import sample_inputs

SAMPLES, REACH = 1024, 2.0


def latent_directions(drawer: Drawer, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``count`` strongest directions of the first latent, (count, *shape), and each one's share of variance
    (count,).

    Principal components of an early layer's activations, regressed back to the latent by least squares: Härkönen et al.
    2020, arXiv:2004.02546, section 2.1. One standard deviation of the component is one step along the direction. Raises
    UsageError for a generator without a latent, or an artifact, whose activations cannot be seen.
    """
    latent = next((i for i in drawer.spec.inputs if i.kind == "latent"), None)
    if latent is None:
        raise UsageError(f"{drawer.name} has no latent input")
    if drawer.module is None:
        raise UsageError(f"{drawer.name} is an artifact; its activations cannot be seen")
    inputs = sample_inputs(drawer.spec.inputs, SAMPLES, seed)
    fixed = {
        name: values if name == latent.name else np.repeat(values[:1], SAMPLES, 0) for name, values in inputs.items()
    }
    activations = first_activations(drawer, fixed, latent.name)
    centred = activations - activations.mean(0)
    _, scales, components = np.linalg.svd(centred, full_matrices=False)
    count = min(count, len(components))
    coordinates = centred @ components[:count].T / (scales[:count] / np.sqrt(SAMPLES))
    flat = fixed[latent.name].reshape(SAMPLES, -1)
    directions, *_ = np.linalg.lstsq(coordinates, flat - flat.mean(0), rcond=None)
    return directions.reshape(count, *latent.shape).astype(np.float32), (scales**2 / (scales**2).sum())[:count]


def first_activations(drawer: Drawer, inputs: dict[str, np.ndarray], latent: str) -> np.ndarray:
    """What the second weighted layer that runs gives (the first alone is linear in the latent), a row per sample.

    UsageError where the weights are not in layers.
    """
    import torch

    layers = [m for m in drawer.module.modules() if isinstance(m, torch.nn.Linear | torch.nn.modules.conv._ConvNd)]
    called: list[Any] = []
    with _watching(layers, lambda layer, _output: called.append(layer)):
        drawer.run({name: values[:1] for name, values in inputs.items()})
    if not called:
        raise UsageError(
            f"{drawer.name} has no layers whose activations could be seen, only functions; directions need an nn.Module"
        )
    seen: list[np.ndarray] = []
    with _watching([called[min(1, len(called) - 1)]], lambda _layer, output: seen.append(output.flatten(1).numpy())):
        drawer.run(inputs)
    return np.concatenate(seen)


@contextmanager
def _watching(layers: list[Any], tell: Callable[[Any, Any], None]) -> Iterator[None]:
    hooks = [layer.register_forward_hook(lambda module, _inputs, output: tell(module, output)) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def direction_strips(drawer: Drawer, directions: np.ndarray, columns: int, seed: int) -> np.ndarray:
    """A row per direction, one sample moved from -2 to 2 deviations along it: uint8 (rows * columns, H, W, C)."""
    latent = next(i for i in drawer.spec.inputs if i.kind == "latent")
    values = sample_inputs(drawer.spec.inputs, 1, seed)
    steps = np.linspace(-REACH, REACH, columns, dtype=np.float32).reshape(-1, *[1] * len(latent.shape))
    moved = np.concatenate([values[latent.name] + steps * direction for direction in directions])
    return drawer.pictures(
        {name: moved if name == latent.name else np.repeat(v, len(moved), 0) for name, v in values.items()}
    )
