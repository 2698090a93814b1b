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
from edgegan.bench.latency import UNSTABLE_CV, measure, repeat, summarize
from edgegan.bench.memory import MIB, Killed, Taken, memory_of
from edgegan.bench.power.figures import power_of
from edgegan.bench.power.meter import SECONDS
from edgegan.bench.ratios import in_rounds
from edgegan.core.backends import backend
from edgegan.core.errors import DeviceError
from edgegan.core.manifest import read_manifest
from edgegan.core.sampling import sample_inputs
from edgegan.runtime import Generator, load
from edgegan.runtime.generator import available_threads

if TYPE_CHECKING:
    from edgegan.core import schemas

SPLIT_TURNS, SPLIT_SECONDS, DEVICE_CALLS = 6, 0.1, 100
"""Turns and their length for a call with and without its copies, and calls timed by the GPU's events."""


def bench(
    artifact: Path,
    threads: int | None = None,
    seconds: float = 3.0,
    warmup: float = 0.2,
    power_seconds: float = SECONDS,
    power_command: str | None = None,
    copies: bool = True,
) -> dict[str, Any]:
    """Measure ``artifact`` on this machine: a ``schemas.Bench``, but for ``quality``, which is left to the caller.

    Latency is that of ``Generator.run`` for the artifact's own batch, host memory to host memory, or without ``copies``
    of inputs that lie in place and of an output that stays there; energy is measured in a run of its own, of
    ``power_seconds`` (0: not at all), after as long at rest. Raises GeneratorError.
    """
    threads = threads or available_threads()
    manifest = read_manifest(artifact)
    taken = _memory_of(artifact, threads)
    start = time.perf_counter()
    with load(artifact, threads=threads) as generator:
        loaded = time.perf_counter()
        if isinstance(taken, DeviceError):
            raise taken
        inputs = sample_inputs(generator.inputs, generator.batch, 0)
        before = time.perf_counter()
        outputs = generator.run(inputs)
        first = time.perf_counter() - before
        for output in outputs.values():
            if (wrong := why_not_finite(output)) is not None:
                raise DeviceError(f"{artifact}: {wrong}")
        before_clocks = clocks()
        call = partial(generator.run, inputs) if copies else generator.prepare(inputs).call
        latency = measure(call, warmup, seconds)
        around: schemas.ClocksAround = {"before": before_clocks, "after": clocks()}
        split = _split(generator, inputs)
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
    return {
        "schema": 1,
        "artifact": artifact.name,
        "model": manifest.content["model"],
        "backend": manifest.backend,
        "precision": manifest.content["precision"],
        "target": manifest.content["target"],
        "batch": batch,
        "copies": copies,
        "latency_ms": latency.to_json(),
        "throughput_ips": batch * 1e3 / latency.mean,
        "first_inference_ms": first * 1e3,
        "load_ms": (loaded - start) * 1e3,
        "split": split,
        "memory": _memory(taken, sum(f["bytes"] for f in manifest.content["files"])),
        **power,
        "warnings": warnings,
        "environment": own,
        "harness": harness(),
    }


def _memory_of(artifact: Path, threads: int) -> Taken | DeviceError:
    """Before this process loads the artifact itself, which a kernel without memory would end too. An error is given
    back: where loading fails here as well, that one says it better."""
    try:
        return memory_of(artifact, threads)
    except Killed:
        raise
    except DeviceError as exc:
        return exc


def _split(generator: Generator, inputs: dict[str, np.ndarray]) -> schemas.Split:
    """The call with its copies and without them in turns, and by the GPU's own clock where it has one."""
    whole_times: list[np.ndarray] = []
    compute_times: list[np.ndarray] = []
    device_times: list[float] = []
    for _ in range(SPLIT_TURNS):
        whole_times.append(repeat(partial(generator.run, inputs), SPLIT_SECONDS, 1))
        prepared = generator.prepare(inputs)
        compute_times.append(repeat(prepared.call, SPLIT_SECONDS, 1))
        if prepared.device_ms is not None:
            device_times += [prepared.device_ms() for _ in range(DEVICE_CALLS // SPLIT_TURNS)]
    whole, compute = (float(np.median(np.concatenate(times))) for times in (whole_times, compute_times))
    found: schemas.Split = {
        "call_ms": whole,
        "compute_ms": compute,
        "copies_ms": whole - compute,
        "device_ms": None,
    }
    if prepared.device_ms is None:
        on_gpu = backend(generator.manifest.backend).on_gpu
        found["device_ms_reason"] = (
            f"{generator.manifest.backend} keeps its stream to itself" if on_gpu else "the artifact runs on the CPU"
        )
    else:
        own = summarize(np.array(device_times))
        found["device_ms"] = cast("schemas.Latency", own.to_json())
    return found


def _memory(taken: Taken, size: int) -> schemas.Memory:
    found: schemas.Memory = {
        "artifact_mib": size / MIB,
        "peak_rss_mib": taken.peak_rss,
        "arena_mib": taken.arena,
        "device_mib": taken.device,
    }
    if taken.arena_reason is not None:
        found["arena_mib_reason"] = taken.arena_reason
    if taken.device_reason is not None:
        found["device_mib_reason"] = taken.device_reason
    return found


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
