"""What is being compressed: the captured original, its data, and the inputs that stages draw from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from edgegan.compress.data import Data, read_data
from edgegan.compress.options import Options
from edgegan.graph.capture import capture
from edgegan.graph.cost import is_large, macs, values_moved
from edgegan.graph.draws import draws_fixed
from edgegan.graph.graph import Graph
from edgegan.models.loading import load_model

CALIBRATION_SEED, CHECK_SEED, PROBE_SEED, SHUFFLE_SEED = 1_000_003, 2_000_003, 3_000_017, 5_000_011
CALIBRATION, LEAST_CALIBRATION = 128, 32
CALIBRATION_PLACES, CALIBRATION_VALUES = 128 * 128 * 128, 1 << 34
"""Samples that calibrate, most and least; places of all their pictures, and values that the network's operators read
and write for them, at most."""
CHECK_SAMPLES, LEAST_CHECKED, CHECK_ELEMENTS, CHECK_WORK = 256, 8, 8 * 3 * 256 * 256, 1 << 38
"""Samples that every candidate is compared on, most and least; values of their pictures, and multiply-accumulates of
the float network for them."""
PROBES, FEW_PROBES = 32, 16
"""Samples by which steps on the way are judged, at least; fewer of a large network."""
MOST_CHECKED, MOST_WORK, MOST_ELEMENTS = 1024, 1 << 40, 1 << 26
"""Bounds of what a verdict may rest on: samples, multiply-accumulates of the float network for them, values of their
pictures."""
STAND_IN = 4
"""By how many times that work is less where another runtime computes in the target's place: one quantize operator after
the other, it takes longer, and the device itself is asked in the end."""
DISTANCE_SAMPLES, DISTANCE_ELEMENTS, DISTANCE_WORK = 512, 1 << 26, 1 << 40
"""Samples of the set distances, at most; values of their pictures; and, where no gate needs them, multiply-accumulates
of the float network for them."""


@dataclass(frozen=True)
class Subject:
    name: str
    graph: Graph
    fingerprint: str
    data: Data
    notes: tuple[str, ...]
    tiling: Mapping[str, Any] = field(default_factory=dict)
    """What a manifest says of pictures of other sizes; nothing where no picture goes in."""

    def calibration_batches(self, options: Options) -> Iterator[tuple[torch.Tensor, ...]]:
        """The calibration inputs in the graph's batch size, in the order of ``forward``'s arguments, each drawn when it
        is asked for."""
        held = self.data.calibrating or self.data.count
        for start in range(0, _whole_batches(calibrated(self.graph, options), options.batch), options.batch):
            rows = None if held is None else np.arange(start, start + options.batch) % held
            seed = options.seed + CALIBRATION_SEED + start
            values = self.data.inputs(self.graph.spec, options.batch, seed, rows)
            yield tuple(torch.from_numpy(np.ascontiguousarray(v)) for v in values.values())

    def check_inputs(self, options: Options, count: int | None = None) -> dict[str, np.ndarray]:
        """The inputs of the paired quality figures, or the first ``count`` of all there are; never those of
        calibration, where there is more than one picture. Those of fewer come first among those of more."""
        count = _whole_batches(self.checked() if count is None else count, options.batch)
        return self._judging_inputs(count, options.seed + CHECK_SEED, np.arange(count))

    def probe_inputs(self, options: Options) -> dict[str, np.ndarray]:
        """The inputs by which steps on the way are judged; neither those of calibration nor, where there are enough
        pictures, those of the first figures."""
        held = self._judging()
        most = max(FEW_PROBES if is_large(self.graph) else PROBES, judged(self.graph))
        count = _whole_batches(most if held is None else min(most, held), options.batch)
        return self._judging_inputs(count, options.seed + PROBE_SEED, -1 - np.arange(count))

    def _judging_inputs(self, count: int, seed: int, places: np.ndarray) -> dict[str, np.ndarray]:
        """Samples at ``places`` of those that judge, in turn."""
        held = self._judging()
        rows = None if held is None else self.data.calibrating + places % held
        return self.data.inputs(self.graph.spec, count, seed, rows)

    def _judging(self) -> int | None:
        """How many samples of the data judge."""
        return None if self.data.count is None else self.data.count - self.data.calibrating

    def checked(self) -> int:
        """How many samples the figures of every candidate rest on."""
        held = self._judging()
        return judged(self.graph) if held is None else min(held, judged(self.graph))

    def most_checked(self, options: Options) -> int:
        """How many samples the verdict on a candidate may rest on: all that judge, within what is bearable."""
        held, graph = self._judging(), self.graph
        values = int(np.prod(graph.output_shape[1:]))
        work = MOST_WORK // (1 if options.target.runs_here else STAND_IN)
        bearable = min(MOST_CHECKED, work // max(1, macs(graph)), MOST_ELEMENTS // values)
        most = max(self.checked(), bearable)
        return most if held is None else min(held, most)

    def distance_inputs(self, options: Options) -> dict[str, np.ndarray]:
        """The inputs of the set distances; every sample once where data goes in; those of the paired figures, whose
        pictures are there, where work bounds their number."""
        count = _whole_batches(self.distance_samples(options), options.batch)
        if self.is_distance_bounded(options):
            return self.check_inputs(options, count)
        return self.data.inputs(self.graph.spec, count, options.seed + CHECK_SEED + 1)

    def distance_samples(self, options: Options) -> int:
        """How many samples the set distances rest on: as many as asked for, else as work allows, and as memory and the
        data do."""
        most = max(4, DISTANCE_ELEMENTS // int(np.prod(self.graph.output_shape[1:])))
        wanted = DISTANCE_SAMPLES if options.fd_samples is None else options.fd_samples
        if self.is_distance_bounded(options):
            wanted = min(self.most_checked(options), DISTANCE_WORK // macs(self.graph))
        return min(wanted, most, self.data.count or wanted)

    def is_distance_bounded(self, options: Options) -> bool:
        """Whether the network is too large for as many samples as the set distances rest on otherwise, and nobody asked
        for them."""
        free = options.fd_samples is None and options.max_fd_ratio is None
        return free and DISTANCE_SAMPLES * macs(self.graph) > DISTANCE_WORK


def calibrated(graph: Graph, options: Options) -> int:
    """How many samples calibrate: as many as asked for, else CALIBRATION, and fewer where each shows a layer many
    places, or has many values looked at, down to LEAST_CALIBRATION."""
    if options.calibration_samples is not None:
        return options.calibration_samples
    places = int(np.prod(graph.output_shape[2:]))
    bearable = min(CALIBRATION_PLACES // max(1, places), CALIBRATION_VALUES // max(1, values_moved(graph)))
    return max(LEAST_CALIBRATION, min(CALIBRATION, bearable))


def judged(graph: Graph) -> int:
    """How many samples the figures of a candidate rest on where there is no end of them: as many as memory and time
    allow."""
    held = max(2, CHECK_ELEMENTS // int(np.prod(graph.output_shape[1:])))
    return min(CHECK_SAMPLES, held, max(LEAST_CHECKED, CHECK_WORK // max(1, macs(graph))))


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
        constants=dict(text.split("=", 1) for text in options.constants),
    )
    graph = capture(loaded.module, loaded.spec, options.batch)
    data, notes = read_data(loaded, graph, options.data)
    if count := draws_fixed(graph.module):
        notes.append(
            f"the network draws noise itself, at {count} places: one draw of it is kept, as StyleGAN's constant noise, "
            "so that the same inputs give the same picture; make it an input where pictures should differ"
        )
    held = data.count
    if held is not None:
        wanted = calibrated(graph, options)
        calibrating = shared_out(held, wanted, judged(graph))
        data = replace(data.shuffled(options.seed + SHUFFLE_SEED), calibrating=calibrating)
        notes += _few(data, wanted, judged(graph))
    elif graph.spec.is_image_to_image:
        notes.append(
            "no --data: image inputs are random texture, so calibration and quality figures say little about "
            "photographs"
        )
    return Subject(loaded.name, graph, graph.fingerprint(), data, tuple(notes))


def shared_out(pictures: int, calibration: int, judging: int) -> int:
    """How many of so many ``pictures`` calibrate, the others being left to judge: as many as are asked for where there
    are enough for both, else at most half; 0 where one picture must do both."""
    if pictures >= calibration + judging:
        return calibration
    return min(calibration, pictures // 2)


def _few(data: Data, calibration: int, judging: int) -> list[str]:
    """What is said where there are fewer samples than wanted."""
    assert data.count is not None
    kind = "samples" if data.images is None else "pictures"
    if data.count >= calibration + judging:
        return []
    if not data.calibrating:
        return [f"WARNING: the one {kind[:-1]} given both calibrates and judges, so its figures flatter int8"]
    return [
        f"{data.count} {kind}: {data.calibrating} calibrate and {data.count - data.calibrating} judge; "
        f"{calibration + judging} would do for {calibration} and {judging}"
    ]
