"""Anything that makes pictures: a generator in PyTorch, or an artifact of any backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.core.errors import UsageError
from edgegan.core.images import read_images
from edgegan.core.manifest import manifest_path
from edgegan.core.sampling import float_to_image, sample_inputs
from edgegan.core.spec import GeneratorSpec

PIECE = 32


@dataclass(frozen=True)
class Drawer:
    """``run``: named inputs of any count -> float32 (N, C, H, W) in the output range.

    ``images``: uint8 NHWC that image inputs are drawn from; ``real``: what outputs should look like, where it ships.
    ``module``: the network itself, None for an artifact.
    """

    name: str
    spec: GeneratorSpec
    run: Callable[[Mapping[str, np.ndarray]], np.ndarray]
    images: np.ndarray | None = None
    real: np.ndarray | None = None
    module: Any = None

    def pictures(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Named inputs -> uint8 (N, H, W, C)."""
        return float_to_image(self.run(inputs), self.spec.output_range)

    def draw(self, count: int, seed: int) -> np.ndarray:
        """uint8 (count, H, W, C) from seeded inputs."""
        return self.pictures(sample_inputs(self.spec.inputs, count, seed, self.images))


@contextmanager
def open_drawer(
    model: str,
    inputs: list[str] | None = None,
    output_range: tuple[float, float] | None = None,
    weights: Path | None = None,
    weights_key: str | None = None,
    images: Path | None = None,
) -> Iterator[Drawer]:
    """A MODEL as ``edgegan compress`` takes it, or an artifact with its manifest beside it."""
    if manifest_path(Path(model)).is_file():
        from edgegan.runtime import load

        if weights or inputs:
            raise UsageError(
                f"{model} is an artifact, which brings its inputs and weights; leave --input and --weights out"
            )
        with load(model) as generator:
            spec = generator.manifest.spec
            yield Drawer(Path(model).name, spec, generator.images, _inputs_of(spec, images, None))
        return
    yield _from_torch(model, inputs or [], output_range, weights, weights_key, images)


def _from_torch(
    model: str,
    inputs: list[str],
    output_range: tuple[float, float] | None,
    weights: Path | None,
    weights_key: str | None,
    images: Path | None,
) -> Drawer:
    import torch

    from edgegan.graph.graph import first_output
    from edgegan.models.loading import load_model
    from edgegan.models.zoo import images_path

    loaded = load_model(model, inputs, output_range, weights, weights_key, 1, image_inputs=images is not None)
    fixed = model.endswith((".pt2", ".onnx"))

    @torch.no_grad()
    def run(values: Mapping[str, np.ndarray]) -> np.ndarray:
        arrays = [values[spec.name] for spec in loaded.spec.inputs]
        size = 1 if fixed else PIECE
        parts = [
            first_output(loaded.module(*(torch.from_numpy(np.ascontiguousarray(a[i : i + size])) for a in arrays)))
            for i in range(0, len(arrays[0]), size)
        ]
        return torch.cat(parts).float().numpy()

    translates = loaded.spec.is_image_to_image
    shipped = {"images": loaded.images if translates else None, "real": loaded.real if translates else loaded.images}
    drawn = _inputs_of(loaded.spec, images, None if shipped["images"] is None else images_path(shipped["images"]))
    shape = run(sample_inputs(loaded.spec.inputs, 1, 0, drawn)).shape
    real = (
        None
        if shipped["real"] is None
        else read_images(images_path(shipped["real"]), size=(shape[2], shape[3]), channels=shape[1])
    )
    return Drawer(loaded.name, loaded.spec, run, drawn, real, loaded.module)


def _inputs_of(spec: GeneratorSpec, given: Path | None, shipped: Path | None) -> np.ndarray | None:
    wanted = next((i for i in spec.inputs if i.kind == "image"), None)
    path = given or shipped
    if wanted is None or path is None:
        return None
    return read_images(path, size=(wanted.shape[1], wanted.shape[2]), channels=wanted.shape[0])
