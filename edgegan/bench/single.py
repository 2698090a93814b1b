"""``edgegan bench`` for one artifact: load, first inference, latency, throughput, memory, power."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from edgegan.bench.clocks import clocks, doubts
from edgegan.bench.environment import environment
from edgegan.bench.finite import why_not_finite
from edgegan.bench.harness import harness
from edgegan.bench.latency import UNSTABLE_CV, measure
from edgegan.bench.memory import MIB, peak_rss_mib
from edgegan.bench.power.figures import power_of
from edgegan.bench.power.meter import SECONDS
from edgegan.bench.ratios import in_rounds
from edgegan.core.errors import DeviceError, UsageError
from edgegan.core.images import read_images
from edgegan.core.manifest import read_manifest
from edgegan.core.sampling import float_to_image, sample_inputs
from edgegan.runtime import Generator, load
from edgegan.runtime.generator import available_threads

if TYPE_CHECKING:
    from edgegan.core import schemas

QUALITY_SEED = 3_000_003


def bench(
    artifact: Path,
    threads: int | None = None,
    seconds: float = 3.0,
    warmup: float = 0.2,
    power_seconds: float = SECONDS,
    power_command: str | None = None,
) -> dict[str, Any]:
    """Measure ``artifact`` on this machine: a ``schemas.Bench``, but for ``quality``, which is left to the caller.

    Latency is that of ``Generator.run`` for the artifact's own batch, host memory to host memory; energy is measured in
    a run of its own, of ``power_seconds`` (0: not at all), after as long at rest. Raises GeneratorError.
    """
    threads = threads or available_threads()
    manifest = read_manifest(artifact)
    start = time.perf_counter()
    with load(artifact, threads=threads) as generator:
        loaded = time.perf_counter()
        inputs = sample_inputs(generator.inputs, generator.batch, 0)
        before = time.perf_counter()
        outputs = generator.run(inputs)
        first = time.perf_counter() - before
        for output in outputs.values():
            if (wrong := why_not_finite(output)) is not None:
                raise DeviceError(f"{artifact}: {wrong}")
        before_clocks = clocks()
        latency = measure(lambda: generator.run(inputs), warmup, seconds)
        around: schemas.ClocksAround = {"before": before_clocks, "after": clocks()}
        batch, notes = generator.batch, generator.notes
        power: dict[str, Any] = {"power": None, "power_reason": "--power-seconds 0 leaves it out"}
        if power_seconds:
            power = power_of(generator, inputs, power_seconds, power_command)
    warnings = [*notes]
    if latency.cv > UNSTABLE_CV:
        warnings.append(f"unstable: the coefficient of variation is {latency.cv:.1%}, above {UNSTABLE_CV:.1%}")
    own = environment(threads)
    own["clocks"] = around
    warnings += doubts(around["before"], around["after"], own["cores"] or 1)
    size = sum(f["bytes"] for f in manifest.content["files"])
    return {
        "schema": 1,
        "artifact": artifact.name,
        "model": manifest.content["model"],
        "backend": manifest.backend,
        "precision": manifest.content["precision"],
        "target": manifest.content["target"],
        "batch": batch,
        "latency_ms": latency.to_json(),
        "throughput_ips": batch * 1e3 / latency.mean,
        "first_inference_ms": first * 1e3,
        "load_ms": (loaded - start) * 1e3,
        "memory": {
            "artifact_mib": size / MIB,
            "peak_rss_mib": peak_rss_mib(artifact, threads),
            "device_mib": None,
            "device_mib_reason": "the artifact runs on the CPU",
        },
        **power,
        "warnings": warnings,
        "environment": own,
        "harness": harness(),
    }


def ratios(artifacts: Sequence[Path], threads: int | None = None) -> list[dict[str, Any]]:
    """How much faster each further artifact is than the first, timed in turns in one process: ``ratio``,
    ``ratio_interval`` and ``rounds``. Raises GeneratorError."""
    calls = {}
    with ExitStack() as stack:
        for index, artifact in enumerate(artifacts):
            generator = stack.enter_context(load(artifact, threads=threads))
            calls[str(index)] = partial(generator.run, sample_inputs(generator.inputs, generator.batch, 0))
        _, found = in_rounds(calls)
    return [ratio.to_json() for ratio in found.values()]


def in_browser(artifacts: Sequence[Path], threads: int | None, seconds: float) -> list[schemas.InBrowser]:
    """The artifacts in a headless Chromium, one after the other: latency, load, and whether they draw the same there.
    Raises GeneratorError where there is no browser."""
    from edgegan.bench import in_browser as chromium
    from edgegan.metrics.pairwise import psnr_db

    rows: list[schemas.InBrowser] = []
    for artifact in artifacts:
        with load(artifact, threads=threads) as generator:
            inputs = sample_inputs(generator.inputs, generator.batch, 0)
            here = generator.run(inputs)[generator.manifest.content["outputs"][0]["name"]]
            span = (0.0, 255.0) if generator.manifest.gives_pixels else generator.output_range
        seen, version = chromium.measure({"one": artifact}, inputs, threads or available_threads(), seconds)
        found = seen["one"]
        alike = (
            None if found.output is None else psnr_db(here.astype(np.float32), found.output.astype(np.float32), span)
        )
        row: schemas.InBrowser = {
            "browser": version,
            "latency_ms": cast("schemas.Latency | None", found.latency_ms),
            "load_ms": found.load_ms,
            "psnr_db": alike,
        }
        rows.append({**row, "latency_ms_reason": found.error} if found.error else row)
    return rows


def quality(
    artifact: Path, reference: Path | None, data: Path | None, samples: int, threads: int | None = None
) -> dict[str, Any]:
    """``{"quality": {...}}`` against another artifact's pictures and against real images; null with the reason for
    neither.

    Raises UsageError where the two artifacts do not take the same inputs.
    """
    if reference is None and data is None:
        return {
            "quality": None,
            "quality_reason": "give --reference (an artifact of the float network) or --data (real images)",
        }
    figures: dict[str, Any] = {}
    with load(artifact, threads=threads) as generator:
        image = next((i for i in generator.inputs if i.kind == "image"), None)
        channels, height, width = image.shape if image is not None else generator.manifest.output_shape
        real = None if data is None else read_images(data, size=(height, width), channels=channels)[:samples]
        inputs = sample_inputs(generator.inputs, samples, QUALITY_SEED, real if image is not None else None)
        pictures = generator.images(inputs)
        if reference is not None:
            figures |= _against(reference, generator, inputs, pictures, threads)
        if real is not None:
            from edgegan.bench.quality import SetDistances

            figures |= SetDistances(real).against(float_to_image(pictures, generator.output_range))
    return {"quality": figures}


def _against(
    reference: Path, generator: Generator, inputs: dict[str, np.ndarray], pictures: np.ndarray, threads: int | None
) -> dict[str, Any]:
    from edgegan.bench.quality import structural
    from edgegan.metrics.pairwise import psnr_db

    with load(reference, threads=threads) as other:
        if [(i.kind, i.shape) for i in other.inputs] != [
            (i.kind, i.shape) for i in generator.inputs
        ] or other.manifest.output_shape != generator.manifest.output_shape:
            raise UsageError(f"--reference {reference} takes other inputs or gives other pictures than the engine")
        renamed = {theirs.name: inputs[ours.name] for theirs, ours in zip(other.inputs, generator.inputs, strict=True)}
        wanted = other.images(renamed)
    figures = {"psnr_db": psnr_db(wanted, pictures, generator.output_range)}
    return figures | structural(wanted, pictures, generator.output_range)
