"""What inputs are drawn from: pictures, values given by input name, or nothing but the inputs' own distributions."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgegan.core.arrays import array_of, opened
from edgegan.core.errors import UsageError
from edgegan.core.files import sha256
from edgegan.core.images import read_images
from edgegan.core.sampling import sample_inputs
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.graph.graph import Graph
from edgegan.models.loading import LoadedModel
from edgegan.models.zoo import images_path


@dataclass(frozen=True)
class Data:
    """``images``: uint8 (N, H, W, C) for the image inputs; ``values``: (N, ...) for other inputs, by name, N the same
    for all; an input that neither has is drawn. ``real``: uint8 (N, H, W, C) that sets of outputs are compared with.
    The first ``calibrating`` of the N calibrate, the others judge."""

    images: np.ndarray | None = None
    real: np.ndarray | None = None
    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    calibrating: int = 0

    @property
    def count(self) -> int | None:
        """N; None where all inputs are drawn, of which there is no end."""
        held = [*self.values.values(), *([] if self.images is None else [self.images])]
        return len(held[0]) if held else None

    def shuffled(self, seed: int) -> Data:
        """In another order, so that a folder sorted by subject misleads nobody."""
        if self.count is None:
            return self
        order = np.random.default_rng(seed).permutation(self.count)
        images = None if self.images is None else self.images[order]
        return Data(images, self.real, {name: value[order] for name, value in self.values.items()}, self.calibrating)

    def inputs(
        self, spec: GeneratorSpec, count: int, seed: int, rows: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """``count`` samples of every input; those at ``rows`` of the data, in turn from the first where None."""
        if self.count is None:
            return sample_inputs(spec.inputs, count, seed)
        rows = np.arange(count) % self.count if rows is None else rows
        images = None if self.images is None else self.images[rows]
        drawn = sample_inputs(spec.inputs, count, seed, images)
        return drawn | {name: value[rows] for name, value in self.values.items()}


def read_data(loaded: LoadedModel, graph: Graph, path: Path | None) -> tuple[Data, list[str]]:
    """What ``--data`` holds, else what ships with the model; and what is to be said of it."""
    spec = graph.spec
    if path is not None and (named := _named_arrays(path, spec)):
        data = Data(values=named)
        drawn = [i.name for i in spec.inputs if i.name not in named and not _is_index(i)]
        notes = [f"--data has no {', '.join(drawn)}: drawn at random"] if drawn else []
        return data, notes + _unlike_data(spec, named)
    images, real = _pictures(loaded, graph, path)
    return Data(images, real), _unlike_data(spec, ())


def _is_index(spec: TensorSpec) -> bool:
    return spec.kind in ("label", "onehot")


def _unlike_data(spec: GeneratorSpec, given: Collection[str]) -> list[str]:
    """A warning for each latent that has the shape of features, which are no independent normal numbers."""
    return [
        f"WARNING: {i.name} of shape {'x'.join(map(str, i.shape))} looks like features, and N(0, 1) stands in for them:"
        f" ranges and figures may say nothing of real ones; give some by --data FILE.npz with an array {i.name!r}"
        for i in spec.inputs
        if i.kind == "latent" and i.name not in given and sum(side > 1 for side in i.shape) > 1
    ]


def _named_arrays(path: Path, spec: GeneratorSpec) -> dict[str, np.ndarray]:
    """The arrays of an .npz by the names of inputs, checked; empty for other files, and for an .npz of pictures."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return {}
    inputs = {i.name: i for i in spec.inputs}
    with opened(path) as archive:
        if not inputs.keys() & set(archive.files):
            return {}
        arrays = {name: array_of(archive, name) for name in archive.files}
    unknown = sorted(arrays.keys() - inputs.keys())
    if unknown:
        raise UsageError(
            f"--data {path}: {', '.join(unknown)} is no input of the generator; its are {', '.join(inputs)}"
        )
    counts = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(counts.values())) > 1 or 0 in counts.values():
        told = ", ".join(f"{count} of {name}" for name, count in counts.items())
        raise UsageError(f"--data {path}: as many samples of each input are needed, there are {told}")
    return {name: _checked(array, inputs[name], path) for name, array in arrays.items()}


def _checked(array: np.ndarray, spec: TensorSpec, path: Path) -> np.ndarray:
    """``array`` in the input's dtype. Raises UsageError for another shape, or values that it cannot take."""
    wanted = "x".join(map(str, spec.shape)) or "a number"
    if array.shape[1:] != spec.shape:
        given = "x".join(map(str, array.shape[1:])) or "a number"
        raise UsageError(f"--data {path}: {spec.name} is {given} a sample, the generator takes {wanted}")
    if not np.issubdtype(array.dtype, np.number) or not np.isfinite(array.astype(np.float64)).all():
        raise UsageError(f"--data {path}: {spec.name} holds values that are no finite numbers")
    if spec.kind == "label" and not ((array >= 0) & (array < (spec.classes or 1))).all():
        raise UsageError(f"--data {path}: {spec.name} holds labels outside 0..{(spec.classes or 1) - 1}")
    return array.astype(spec.dtype)


def _pictures(loaded: LoadedModel, graph: Graph, data: Path | None) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What image inputs are drawn from (None for a latent generator), and the real pictures that outputs are compared
    with."""
    translates = graph.spec.is_image_to_image
    if data is not None:
        given = _read(data, graph)
        if translates:
            _refuse_constant(given, data)
        return (given if translates else None), given
    shipped = [None if name is None else images_path(name) for name in (loaded.images, loaded.real)]
    if not translates:
        return None, None if shipped[0] is None else _read(shipped[0], graph)
    channels, *size = graph.output_shape[1:]
    real = None if shipped[1] is None else read_images(shipped[1], size=(size[0], size[1]), channels=channels)
    return None if shipped[0] is None else _read(shipped[0], graph), real


def _refuse_constant(images: np.ndarray, path: Path) -> None:
    """Ranges taken from pictures without content would ruin every other picture."""
    if (images == images[:1, :1, :1]).all():
        raise UsageError(
            f"--data {path}: all {len(images)} pictures are one flat colour, from which int8 ranges cannot be taken; "
            "give real ones"
        )
    if len(images) > 1 and (images == images[:1]).all():
        raise UsageError(
            f"--data {path}: all {len(images)} pictures are the same; give different ones, at least a few dozen"
        )


def _read(path: Path, graph: Graph) -> np.ndarray:
    """Images in the size of the first image input, else of the output."""
    image = next((i for i in graph.spec.inputs if i.kind == "image"), None)
    shape = image.shape if image is not None else graph.output_shape[1:]
    if len(shape) != 3 or shape[0] not in (1, 3):
        told = "x".join(map(str, shape))
        names = ", ".join(repr(i.name) for i in graph.spec.inputs)
        raise UsageError(
            f"--data {path}: the generator's {'input' if image else 'output'} is {told}, no picture; give its inputs "
            f"by name, as an .npz of arrays {names}"
        )
    return read_images(path, size=(shape[1], shape[2]), channels=shape[0])


def data_sha256(path: Path | None) -> str | None:
    """A hash over the data: of the file, or of the names and sizes in a folder."""
    if path is None:
        return None
    if path.is_file():
        return sha256(path)
    listing = "\n".join(f"{f.relative_to(path)} {f.stat().st_size}" for f in sorted(path.rglob("*")) if f.is_file())
    return hashlib.sha256(listing.encode()).hexdigest()
