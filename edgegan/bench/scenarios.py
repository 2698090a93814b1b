"""MLPerf Inference's scenarios for one artifact: a single stream of queries, and all samples offline.

Reddi et al. 2020, arXiv:1911.02549. The scenarios and their figures are MLPerf's; the runs are shorter than a
submission's, so the single stream's percentile is told with the bound that few queries allow, as MLPerf's early
stopping does.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
from math import exp, lgamma, log
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgegan.bench.latency import repeat
from edgegan.core.sampling import sample_inputs
from edgegan.runtime import Generator, load

if TYPE_CHECKING:
    from edgegan.core import schemas

PERCENTILE, CONFIDENCE = 0.9, 0.99
LIBRARY = 64
"""Different samples that the queries draw on, in turn."""


def scenarios(artifact: Path, threads: int, seconds: float) -> schemas.Scenarios:
    """Each scenario for ``seconds`` on ``threads`` threads. Raises GeneratorError."""
    splits = dict.fromkeys((sessions, threads // sessions) for sessions in (1, threads))
    return {
        "single_stream": single_stream(artifact, threads, seconds),
        "offline": [offline(artifact, sessions, own, seconds) for sessions, own in splits],
    }


def single_stream(artifact: Path, threads: int, seconds: float) -> schemas.SingleStream:
    """One query after the other, each of one batch and of other values than the last; its 90th percentile."""
    with load(artifact, threads=threads) as generator:
        queries = _library(generator)
        for query in queries[:4]:
            generator.run(query)
        following = cycle(queries)
        times = repeat(lambda: generator.run(next(following)), seconds)
    bound = percentile_bound(times, PERCENTILE, CONFIDENCE)
    row: schemas.SingleStream = {
        "queries": len(times),
        "samples_per_query": len(next(iter(queries[0].values()))),
        "seconds": seconds,
        "p90_ms": float(np.percentile(times, 100 * PERCENTILE)),
        "p90_bound_ms": bound,
    }
    if bound is None:
        row["p90_bound_ms_reason"] = (
            f"{len(times)} queries are too few to bound it at {CONFIDENCE:.0%}; give --seconds more"
        )
    return row


def offline(artifact: Path, sessions: int, threads: int, seconds: float) -> schemas.Offline:
    """All samples at once: so many sessions of so many threads draw, each as many samples at once as the artifact
    takes, until ``seconds`` are over; samples a second."""
    with ExitStack() as stack:
        loaded = [stack.enter_context(load(artifact, threads=threads)) for _ in range(sessions)]
        most = loaded[0].manifest.batches[1]
        inputs = sample_inputs(loaded[0].inputs, most, 0)
        for generator in loaded:
            generator.run(inputs)
        end = time.perf_counter() + seconds

        def draw(generator: Generator) -> int:
            calls = 0
            while time.perf_counter() < end:
                generator.run(inputs)
                calls += 1
            return calls

        begin = end - seconds
        with ThreadPoolExecutor(sessions) as pool:
            calls = sum(pool.map(draw, loaded))
        passed = time.perf_counter() - begin
    return {
        "sessions": sessions,
        "threads_per_session": threads,
        "samples_per_query": most,
        "samples": calls * most,
        "seconds": passed,
        "throughput_ips": calls * most / passed,
    }


def percentile_bound(times: np.ndarray, percentile: float, confidence: float) -> float | None:
    """What the percentile is below with that confidence, whatever the distribution: the order statistic that so many
    independent times allow; None where even the largest does not."""
    count = len(times)
    below = 0.0
    for rank in range(count):
        below += _binomial(rank, count, percentile)
        if below >= confidence:
            return float(np.sort(times)[rank])
    return None


def _binomial(successes: int, count: int, probability: float) -> float:
    ways = lgamma(count + 1) - lgamma(successes + 1) - lgamma(count - successes + 1)
    return exp(ways + successes * log(probability) + (count - successes) * log(1 - probability))


def _library(generator: Generator) -> list[dict[str, np.ndarray]]:
    values = sample_inputs(generator.inputs, generator.batch * LIBRARY, 0)
    return [
        {name: array[start : start + generator.batch] for name, array in values.items()}
        for start in range(0, generator.batch * LIBRARY, generator.batch)
    ]
