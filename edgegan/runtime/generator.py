"""A generator on the device: load an artifact, draw samples, put images in and out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from edgegan.core.errors import UsageError, nearest
from edgegan.core.manifest import Manifest, read_manifest
from edgegan.core.sampling import float_to_image, image_to_float, pixels_to_float, sample_inputs
from edgegan.core.signing import verify
from edgegan.core.spec import LEAST_TRUNCATION, TensorSpec
from edgegan.core.tiling import Tiling
from edgegan.runtime.device_array import DeviceArray, on_device
from edgegan.runtime.session import Prepared, Session, session_class
from edgegan.runtime.stream import stream
from edgegan.runtime.tiles import mosaic

T = TypeVar("T")


def load(path: str | Path, threads: int | None = None, key: str | Path | None = None) -> Generator:
    """Load an artifact whose manifest lies beside it.

    ``threads``: CPU threads, default all that this process may use. ``key``: a PEM file with the public Ed25519 key
    that must have signed it (``[sign]``). Raises GeneratorError subclasses: ArtifactError (damaged, files that do not
    belong together, not signed by the key), MissingPackageError (with the pip line), DeviceError (no driver).
    """
    if threads is not None and threads < 1:
        raise UsageError(f"threads={threads}: at least 1")
    if key is not None:
        verify(Path(path), Path(key))
    manifest = read_manifest(Path(path))
    return Generator(manifest, session_class(manifest.backend)(manifest, threads or available_threads()))


def available_threads() -> int:
    """CPUs that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Generator:
    """A loaded artifact. Use ``with load(path) as gen`` or call ``close`` to free device memory."""

    def __init__(self, manifest: Manifest, session: Session) -> None:
        self.manifest, self._session = manifest, session
        self.inputs: tuple[TensorSpec, ...] = manifest.spec.inputs
        self.output_range = manifest.spec.output_range
        self.batch = manifest.batch
        self._names = [i.name for i in self.inputs]
        self._output: str = manifest.content["outputs"][0]["name"]

    @property
    def notes(self) -> tuple[str, ...]:
        """What this generator does without on this machine, in sentences; empty where nothing is missing."""
        return self._session.notes

    def run_on_device(self, inputs: Mapping[str, Any], out: Any = None) -> dict[str, DeviceArray]:
        """As ``run``, of arrays in the GPU's memory (PyTorch, CuPy, Numba, JAX: ``__cuda_array_interface__`` or
        ``__dlpack__``) and without a copy: the result is in the GPU's memory too, in ``out`` where one is given.

        Exactly the artifact's batch. Raises UsageError for arrays of the host, a wrong shape or type, what is not
        contiguous, and backends that have no GPU.
        """
        arrays = self._in_order({name: _of_gpu(name, value) for name, value in inputs.items()})
        target = None if out is None else _of_gpu("out", out)
        return {self._output: self._session.run_on_device(arrays, target)}

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Named arrays in, float32 (N, C, H, W) by the output's name (``image``) out, in the output range; no pre- or
        post-processing. An artifact compressed with --uint8-output gives uint8 (N, H, W, C).

        Any N: the artifact's own batch runs directly, other counts in pieces of it. Raises UsageError naming the input.
        """
        arrays = self._in_order(inputs)
        least, most = self.manifest.batches
        if least <= len(arrays[0]) <= most:
            return {self._output: self._session.run(arrays)}
        return {self._output: self._run_in_pieces([np.asarray(a) for a in arrays])}

    def prepare(self, inputs: Mapping[str, np.ndarray]) -> Prepared:
        """The call of ``run`` without its copies, for measuring: inputs of exactly the artifact's batch, put in place
        now, until the next ``run``. Raises UsageError as ``run`` does."""
        return self._session.prepare(self._in_order(inputs))

    def _in_order(self, inputs: Mapping[str, T]) -> list[T]:
        """Those of every input of the artifact, no more and no fewer."""
        try:
            arrays = [inputs[name] for name in self._names]
        except KeyError as exc:
            raise UsageError(f"input {exc} is missing; this generator takes {', '.join(self._names)}") from None
        if len(inputs) != len(arrays):
            extra = next(name for name in inputs if name not in self._names)
            raise UsageError(f"there is no input {extra!r}; {nearest(extra, self._names)}")
        return arrays

    def images(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """The pictures as float32 (N, C, H, W) in the output range, whatever the artifact itself ends in."""
        given = self.run(inputs)[self._output]
        return pixels_to_float(given, self.output_range) if self.manifest.gives_pixels else given

    def pictures(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """The pictures as uint8 (N, H, W, C), whatever the artifact itself ends in."""
        given = self.run(inputs)[self._output]
        return given if self.manifest.gives_pixels else float_to_image(given, self.output_range)

    def _run_in_pieces(self, arrays: list[np.ndarray]) -> np.ndarray:
        count = len(arrays[0])
        if count == 0 or any(len(a) != count for a in arrays):
            raise UsageError(
                f"inputs of {', '.join(str(len(a)) for a in arrays)} samples; give the same number, at least 1, of each"
            )
        pieces = []
        for start in range(0, count, self.manifest.batches[1]):
            part = [a[start : start + self.manifest.batches[1]] for a in arrays]
            short = max(0, self.manifest.batches[0] - len(part[0]))
            if short:
                part = [np.concatenate([a, np.repeat(a[-1:], short, axis=0)]) for a in part]
            given = self._session.run(part)
            pieces.append(given[: len(given) - short])
        return np.concatenate(pieces)

    def sample(self, count: int = 1, seed: int = 0, truncation: float | None = None, **fixed: Any) -> np.ndarray:
        """``count`` pictures as uint8 (N, H, W, C), the same for a seed on every backend.

        ``truncation``: latents are drawn again while they are larger, instead of what the manifest says. ``fixed`` sets
        inputs by name, as ``run`` takes them; a label or one-hot input also takes a class index.
        """
        return self.pictures(self.sample_inputs(count, seed, truncation, **fixed))

    def sample_inputs(
        self, count: int = 1, seed: int = 0, truncation: float | None = None, **fixed: Any
    ) -> dict[str, np.ndarray]:
        """The inputs of ``sample``, as ``run`` takes them."""
        if count < 1:
            raise UsageError(f"count={count}: at least 1")
        values = sample_inputs([_within(truncation, i) for i in self.inputs], count, seed)
        for name, value in fixed.items():
            spec = next((i for i in self.inputs if i.name == name), None)
            if spec is None:
                raise UsageError(f"there is no input {name!r}; {nearest(name, self._names)}")
            values[name] = _fixed(spec, value, count)
        return values

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the picture that goes in. Raises UsageError where none does."""
        channels, height, width = self._image.shape
        return height, width, channels

    @property
    def tiling(self) -> Tiling | None:
        """How pictures of other sizes are cut; None where what is drawn depends on the whole picture, or on what
        nobody measured."""
        found = self.manifest.content.get("tiling")
        return None if found is None else Tiling.from_json(found)

    def __call__(self, image: np.ndarray, seed: int = 0) -> np.ndarray:
        """uint8 (H, W, C) or (N, H, W, C) in, uint8 of the same rank out; other inputs are drawn from ``seed``.

        Another height and width than the artifact's go through in tiles, where ``tiling`` says how.
        """
        image = np.asarray(image)
        height, width, channels = self.image_shape
        if image.dtype != np.uint8 or image.ndim not in (3, 4) or image.shape[-1] != channels or 0 in image.shape:
            raise UsageError(
                f"the image is {image.dtype} of shape {image.shape}; give uint8 (H, W, {channels}), or a stack of them"
            )
        if image.shape[-3:-1] == (height, width):
            images = image if image.ndim == 4 else image[None]
            drawn = self._translated(images, self._others(len(images), seed))
            return drawn if image.ndim == 4 else drawn[0]
        if image.ndim == 4:
            return np.stack([self(one, seed) for one in image])
        return np.concatenate(list(self.bands(image, seed)))

    def bands(self, image: np.ndarray, seed: int = 0, tiling: Tiling | None = None) -> Iterator[np.ndarray]:
        """A picture of any size, uint8 (H, W, C), as uint8 (h, W', C') from the top, in the memory of one row of tiles.

        ``tiling``: instead of what the manifest says. Raises UsageError where neither says how it may be cut.
        """
        tiling = tiling or self.tiling
        height, width, _ = self.image_shape
        if tiling is None:
            raise UsageError(
                f"the image is {image.shape[1]}x{image.shape[0]}, this generator takes {width}x{height} and its "
                "manifest does not say that it may be cut into tiles; resize the image, or use edgegan run --fit"
            )
        plan = mosaic(image.shape[:2], (height, width), tiling)
        others = self._others(1, seed)
        return plan.bands(image, lambda tiles: self._translated(tiles, others), self.batch)

    def stream(self, images: Iterable[np.ndarray], seed: int = 0) -> Iterator[np.ndarray]:
        """What ``self(image, seed)`` gives for each of ``images``, in order: the next one is read in a thread and drawn
        in another while the caller uses the last."""
        return stream(lambda image: self(image, seed), images)

    @property
    def _image(self) -> TensorSpec:
        spec = next((i for i in self.inputs if i.kind == "image"), None)
        if spec is None:
            raise UsageError("this generator takes no image; use sample()")
        return spec

    def _translated(self, images: np.ndarray, others: Mapping[str, np.ndarray]) -> np.ndarray:
        """uint8 (N, H, W, C) of the artifact's size in and out; the ``others`` of its inputs are for N samples, or
        one for all."""
        values = {name: value.repeat(len(images) // len(value), axis=0) for name, value in others.items()}
        return self.pictures({**values, self._image.name: image_to_float(images, self._image)})

    def _others(self, count: int, seed: int) -> dict[str, np.ndarray]:
        """The inputs beside the picture, drawn."""
        picture = self._image
        specs = [replace(i, shape=(i.shape[0], 1, 1)) if i is picture else i for i in self.inputs]
        drawn = sample_inputs(specs, count, seed)
        return {name: value for name, value in drawn.items() if name != picture.name}

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> Generator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _of_gpu(name: str, value: Any) -> DeviceArray:
    array = on_device(value)
    if array is None:
        raise UsageError(f"{name!r} lies in the host's memory; give an array of the GPU, or call run")
    return array


def _within(truncation: float | None, spec: TensorSpec) -> TensorSpec:
    if truncation is None or spec.kind != "latent":
        return spec
    if truncation < LEAST_TRUNCATION:
        raise UsageError(f"truncation={truncation:g}: at least {LEAST_TRUNCATION}")
    return replace(spec, truncation=truncation)


def _fixed(spec: TensorSpec, value: Any, count: int) -> np.ndarray:
    array = np.asarray(value)
    if spec.kind in ("label", "onehot") and array.ndim <= 1 and np.issubdtype(array.dtype, np.integer):
        assert spec.classes is not None
        index = np.broadcast_to(array, (count,)).astype(np.int64)
        if index.min() < 0 or index.max() >= spec.classes:
            raise UsageError(f"input {spec.name!r}: class {value!r} is not in 0..{spec.classes - 1}")
        return index if spec.kind == "label" else np.eye(spec.classes, dtype=np.float32)[index]
    return np.broadcast_to(array.astype(spec.dtype), (count, *spec.shape))
