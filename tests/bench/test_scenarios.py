"""MLPerf's scenarios: the bound on a percentile against SciPy's binomial, and what the runs tell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from edgegan.bench.scenarios import percentile_bound, scenarios
from edgegan.bench.sweep import sweep
from edgegan.core.errors import UsageError
from tests.conftest import LATENT, make_null


@given(st.integers(1, 3000), st.floats(0.5, 0.99), st.floats(0.8, 0.999))
def test_the_bound_is_the_order_statistic_that_the_binomial_allows(count, percentile, confidence):
    rank = int(binom.ppf(confidence, count, percentile))
    found = percentile_bound(np.random.default_rng(0).permutation(count).astype(float), percentile, confidence)
    if rank >= count:
        assert found is None
    else:
        assert found in (rank - 1, rank, rank + 1)
        assert binom.cdf(found, count, percentile) >= confidence - 1e-9


def test_it_holds_as_often_as_it_says():
    rng = np.random.default_rng(0)
    true = -np.log(0.1)
    held = [percentile_bound(rng.exponential(size=400), 0.9, 0.9) >= true for _ in range(400)]
    assert 0.86 < np.mean(held) < 0.97


def test_both_scenarios_of_an_artifact(null_artifact):
    found = scenarios(null_artifact, 2, 0.05)
    single, offline = found["single_stream"], found["offline"]
    assert single["queries"] > 44 and single["p90_bound_ms"] >= single["p90_ms"] > 0
    assert [(row["sessions"], row["threads_per_session"]) for row in offline] == [(1, 2), (2, 1)]
    for row in offline:
        assert row["throughput_ips"] == pytest.approx(row["samples"] / row["seconds"]) and row["samples"] > 0


def test_too_few_queries_bound_nothing(null_artifact):
    single = scenarios(null_artifact, 1, 0.0)["single_stream"]
    assert single["queries"] == 1 and single["p90_bound_ms"] is None and "too few" in single["p90_bound_ms_reason"]


def test_a_sweep_over_threads_and_samples(tmp_path):
    free = make_null(tmp_path / "g.null", LATENT, batch=4)
    rows = sweep(free, [1, 2], [4])
    assert [(row["threads"], row["batch"]) for row in rows] == [(1, 4), (2, 4)]
    assert all(row["throughput_ips"] == pytest.approx(4e3 / row["latency_ms"]["mean"]) for row in rows)
    with pytest.raises(UsageError, match=r"--sweep-batch 8: g.null takes 4 a call; compress it with --batch"):
        sweep(free, [1], [8])
