"""Ratios of latencies and their intervals, against series whose ratio is known."""

import time
from functools import partial

import numpy as np
import pytest
from scipy import stats

from edgegan.bench.harness import harness
from edgegan.bench.ratios import ROUNDS, in_rounds, ratio_of
from tests.conftest import make_null


def series(rng, median, spread, count=ROUNDS):
    """Medians of rounds: slow spells that fall on all alike, and noise of each round's own."""
    spells = np.exp(0.2 * np.sin(np.arange(count) / 3))
    return lambda: median * spells * rng.lognormal(0, spread, count)


@pytest.mark.parametrize("spread", [0.01, 0.05])
def test_a_against_itself_contains_one(spread):
    rng = np.random.default_rng(0)
    times = series(rng, 1.0, spread)
    found = [ratio_of(times(), times()) for _ in range(400)]
    assert np.mean([one.low <= 1 <= one.high for one in found]) >= 0.95


def test_the_interval_is_as_wide_as_student_s():
    rng = np.random.default_rng(1)
    logs = rng.normal(0.3, 0.05, ROUNDS)
    found = ratio_of(np.exp(logs), np.ones(ROUNDS))
    low, high = stats.t.interval(0.98, ROUNDS - 1, logs.mean(), stats.sem(logs))
    assert found.value == pytest.approx(np.exp(logs.mean()))
    assert np.log(found.high / found.low) == pytest.approx(high - low, rel=0.15)


def test_what_takes_half_as_long_is_twice_as_fast():
    order = []

    def call(name, seconds):
        order.append(name)
        time.sleep(seconds)

    latencies, ratios = in_rounds(
        {"slow": partial(call, "slow", 0.008), "fast": partial(call, "fast", 0.004)}, rounds=6, turn=0.02, warmup=0.004
    )
    assert ratios["fast"].low <= ratios["fast"].value <= ratios["fast"].high and ratios["fast"].rounds == 6
    assert ratios["fast"].value == pytest.approx(2.0, rel=0.25) and latencies["fast"].count >= 6
    turns = [name for i, name in enumerate(order) if i == 0 or order[i - 1] != name]
    assert turns == ["slow", "fast", "slow", "fast", "slow", "fast", "slow"], "every second round goes backwards"


def test_the_harness_tells_what_it_costs():
    told = harness()
    assert 0 < told["clock_resolution_us"] < 10 and 0 < told["overhead_us"] < 50


def test_a_sweep_times_each_number_of_threads(tmp_path, monkeypatch):
    from edgegan.bench import sweep
    from tests.conftest import LATENT

    monkeypatch.setattr(sweep, "ROUNDS", 2)
    rows = sweep.sweep(make_null(tmp_path / "g.null", LATENT), [1, 2, 2], [1])
    assert [row["threads"] for row in rows] == [1, 2]
    assert all(row["throughput_ips"] > 0 and row["latency_ms"]["p50"] > 0 for row in rows)
