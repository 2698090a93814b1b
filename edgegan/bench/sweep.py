"""The same artifact with more threads: what each further one gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgegan.bench.ratios import in_rounds
from edgegan.core.sampling import sample_inputs
from edgegan.runtime import load

if TYPE_CHECKING:
    from edgegan.core import schemas

ROUNDS = 6


def thread_sweep(
    artifact: Path, counts: Sequence[int], told: Callable[[int, int], object] | None = None
) -> list[schemas.SweepRow]:
    """Latency for each of ``counts`` threads, timed in turns. Raises GeneratorError."""
    with ExitStack() as stack:
        loaded = {count: stack.enter_context(load(artifact, threads=count)) for count in dict.fromkeys(counts)}
        calls = {}
        for count, generator in loaded.items():
            calls[str(count)] = partial(generator.run, sample_inputs(generator.inputs, generator.batch, 0))
        latencies, _ = in_rounds(calls, ROUNDS, told=told)
        batch = next(iter(loaded.values())).batch
    return [
        {
            "threads": count,
            "latency_ms": latencies[str(count)].to_json(),  # type: ignore[typeddict-item]
            "throughput_ips": batch * 1e3 / latencies[str(count)].mean,
        }
        for count in loaded
    ]
