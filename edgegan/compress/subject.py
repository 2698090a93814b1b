"""What is being compressed: the captured original, its images, and the inputs that stages draw from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from edgegan.compress.options import Options
from edgegan.core.errors import UsageError
from edgegan.core.images import read_images
from edgegan.core.sampling import sample_inputs
from edgegan.graph.capture import capture
from edgegan.graph.graph import Graph
from edgegan.models.loading import LoadedModel, load_model
from edgegan.models.zoo import images_path

CALIBRATION_SEED, CHECK_SEED, PROBE_SEED, SHUFFLE_SEED = 1_000_003, 2_000_003, 3_000_017, 5_000_011
CALIBRATION, LEAST_CALIBRATION, CALIBRATION_PLACES = 128, 32, 128 * 128 * 128
CHECK_SAMPLES, CHECK_ELEMENTS = 256, 8 * 3 * 256 * 256
DISTANCE_ELEMENTS = 1 << 26


@dataclass(frozen=True)
class Subject:
    """``images``: uint8 NHWC that image inputs are drawn from, shuffled; the first ``calibrating`` of them calibrate,
    the others judge. ``real``: uint8 NHWC that sets of outputs are compared with."""

    name: str
    graph: Graph
    fingerprint: str
    images: np.ndarray | None
    real: np.ndarray | None
    notes: tuple[str, ...]
    calibrating: int = 0

    def calibration_batches(self, options: Options) -> Iterator[tuple[torch.Tensor, ...]]:
        """The calibration inputs in the graph's batch size, in the order of ``forward``'s arguments, each drawn when it
        is asked for."""
        for start in range(0, _whole_batches(calibrated(self.graph, options), options.batch), options.batch):
            places = range(start, start + options.batch)
            images = None if self.images is None else self._calibrating().take(places, axis=0, mode="wrap")
            values = sample_inputs(
                self.graph.spec.inputs, options.batch, options.seed + CALIBRATION_SEED + start, images
            )
            yield tuple(torch.from_numpy(v) for v in values.values())

    def check_inputs(self, options: Options) -> dict[str, np.ndarray]:
        """The inputs of the paired quality figures; never those of calibration, where there is more than one
        picture."""
        return self._judging_inputs(options, CHECK_SEED, self._judging())

    def probe_inputs(self, options: Options) -> dict[str, np.ndarray]:
        """The inputs by which steps on the way are judged; neither those of calibration nor, where there are enough
        pictures, those of the final figures."""
        judging = self._judging()
        return self._judging_inputs(options, PROBE_SEED, None if judging is None else judging[::-1])

    def _judging_inputs(self, options: Options, seed: int, images: np.ndarray | None) -> dict[str, np.ndarray]:
        count = _whole_batches(judged(self.graph), options.batch)
        return sample_inputs(self.graph.spec.inputs, count, options.seed + seed, images)

    def _calibrating(self) -> np.ndarray:
        assert self.images is not None
        return self.images[: self.calibrating or len(self.images)]

    def _judging(self) -> np.ndarray | None:
        return None if self.images is None else self.images[self.calibrating :]

    def distance_inputs(self, options: Options) -> dict[str, np.ndarray]:
        """The inputs of the set distances: as many as asked for and memory allows; every image once where images go
        in."""
        most = max(4, DISTANCE_ELEMENTS // int(np.prod(self.graph.output_shape[1:])))
        count = min(
            options.fd_samples,
            most,
            len(self.images) if self.images is not None and self.graph.spec.is_image_to_image else options.fd_samples,
        )
        return sample_inputs(
            self.graph.spec.inputs, _whole_batches(count, options.batch), options.seed + CHECK_SEED + 1, self.images
        )


def calibrated(graph: Graph, options: Options) -> int:
    """How many samples calibrate: as many as asked for, else CALIBRATION, and fewer where each shows a layer many
    places, down to LEAST_CALIBRATION."""
    if options.calibration_samples is not None:
        return options.calibration_samples
    places = int(np.prod(graph.output_shape[2:]))
    return max(LEAST_CALIBRATION, min(CALIBRATION, CALIBRATION_PLACES // max(1, places)))


def judged(graph: Graph) -> int:
    """How many samples the paired figures rest on: as many as memory allows."""
    return min(CHECK_SAMPLES, max(2, CHECK_ELEMENTS // int(np.prod(graph.output_shape[1:]))))


def _whole_batches(count: int, batch: int) -> int:
    return max(batch, count // batch * batch)


def load_subject(options: Options) -> Subject:
    """Load, fill and capture the model; read the data in the size that the model wants."""
    loaded = load_model(
        options.model,
        list(options.inputs),
        options.output_range,
        options.weights,
        options.weights_key,
        options.batch,
        image_inputs=options.data is not None,
    )
    graph = capture(loaded.module, loaded.spec, options.batch)
    images, real = _pictures(loaded, graph, options.data)
    notes: list[str] = []
    calibrating = 0
    if images is not None:
        images = images[np.random.default_rng(options.seed + SHUFFLE_SEED).permutation(len(images))]
        wanted = calibrated(graph, options)
        calibrating = shared_out(len(images), wanted, judged(graph))
        notes += _few(len(images), calibrating, wanted, judged(graph))
    if graph.spec.is_image_to_image and images is None:
        notes.append(
            "no --data: image inputs are random texture, so calibration and quality figures say little about "
            "photographs"
        )
    return Subject(loaded.name, graph, graph.fingerprint(), images, real, tuple(notes), calibrating)


def shared_out(pictures: int, calibration: int, judging: int) -> int:
    """How many of so many ``pictures`` calibrate, the others being left to judge: as many as are asked for where there
    are enough for both, else at most half; 0 where one picture must do both."""
    if pictures >= calibration + judging:
        return calibration
    return min(calibration, pictures // 2)


def _few(pictures: int, calibrating: int, calibration: int, judging: int) -> list[str]:
    """What is said where there are fewer pictures than wanted."""
    if pictures >= calibration + judging:
        return []
    if not calibrating:
        return ["WARNING: the one picture given both calibrates and judges, so its figures flatter int8"]
    return [
        f"{pictures} pictures: {calibrating} calibrate and {pictures - calibrating} judge; "
        f"{calibration + judging} would do for {calibration} and {judging}"
    ]


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
    channels, height, width = image.shape if image is not None else graph.output_shape[1:]
    return read_images(path, size=(height, width), channels=channels)
