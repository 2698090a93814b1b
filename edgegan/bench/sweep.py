"""The same artifact with more threads, or more samples a call: what each further one gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edgegan.bench.ratios import in_rounds
from edgegan.core.errors import UsageError
from edgegan.core.manifest import read_manifest
from edgegan.core.sampling import sample_inputs
from edgegan.runtime import load

if TYPE_CHECKING:
    from edgegan.core import schemas

ROUNDS = 6


def sweep(
    artifact: Path,
    threads: Sequence[int],
    batches: Sequence[int],
    told: Callable[[int, int], object] | None = None,
) -> list[schemas.SweepRow]:
    """Latency for each number of ``threads`` with each of ``batches`` samples a call, timed in turns.

    Raises UsageError for a number of samples that the artifact does not take in one call.
    """
    least, most = read_manifest(artifact).batches
    for count in batches:
        if not least <= count <= most:
            takes = f"takes {least} a call" if least == most else f"takes {least} to {most} a call"
            raise UsageError(
                f"--sweep-batch {count}: {artifact.name} {takes}; compress it with --batch LEAST,USUAL,MOST for others"
            )
    with ExitStack() as stack:
        loaded = {count: stack.enter_context(load(artifact, threads=count)) for count in dict.fromkeys(threads)}
        calls = {
            f"{count} {batch}": partial(generator.run, sample_inputs(generator.inputs, batch, 0))
            for count, generator in loaded.items()
            for batch in dict.fromkeys(batches)
        }
        latencies, _ = in_rounds(calls, ROUNDS, told=told)
    rows: list[schemas.SweepRow] = []
    for name, latency in latencies.items():
        count, batch = map(int, name.split())
        rows.append(
            {
                "threads": count,
                "batch": batch,
                "latency_ms": cast("schemas.Latency", latency.to_json()),
                "throughput_ips": batch * 1e3 / latency.mean,
            }
        )
    return rows
