from dataclasses import replace
from types import SimpleNamespace

import pytest

from edgegan.compress.budget import over_budget, share_for_budget
from edgegan.compress.pipeline import run as compress
from edgegan.compress.subject import load_subject
from edgegan.core.errors import DeviceError, ModelError, TargetError, UsageError
from edgegan.core.progress import Silent
from edgegan.core.stage import StageStore
from edgegan.core.target import load_target
from edgegan.prune.channels import Pruning
from edgegan.prune.place import train_device


@pytest.fixture
def shared(options, tmp_path):
    """How much a budget prunes."""
    (tmp_path / "stages").mkdir()
    store = StageStore(tmp_path / "stages", {})

    def share(**budget):
        given = replace(options, **budget)
        subject = load_subject(given)
        return share_for_budget(lambda: Pruning(subject.graph, given.how_to_prune), subject, given, store, Silent())

    return share


@pytest.mark.slow
def test_a_budget_of_bytes_is_met_by_the_artifact(options, shared):
    whole = shared(max_bytes=10**9)
    assert whole.value == 0 and "met without pruning" in whole.notes[-1]
    bytes_whole = int(whole.notes[0].split()[-2])
    budget = bytes_whole * 3 // 4
    given = replace(options, max_bytes=budget, distill_steps=5, min_psnr=5)
    report = compress(given)
    assert report.result["bytes"] <= budget
    for row in report.content["candidates"]:
        if row["bytes"] and row["bytes"] > budget:
            assert not row["passed"] and "more than --max-bytes" in row["reason"]


@pytest.mark.slow
def test_what_is_out_of_reach_says_the_least_and_what_holds_it_up(shared):
    with pytest.raises(ModelError, match=r"--max-bytes 10 is out of reach.* still takes .*multiply-accumulates"):
        shared(max_bytes=10)
    with pytest.raises(ModelError, match=r"--max-latency-ms 1e-06 is out of reach.* ms"):
        shared(max_latency_ms=1e-6)


def test_a_target_that_nothing_times_here_is_refused(options, tmp_path):
    given = replace(options, target=load_target("jetson-orin"), max_latency_ms=2.0)
    subject = load_subject(given)
    with pytest.raises(TargetError, match="does not time jetson-orin"):
        share_for_budget(
            lambda: Pruning(subject.graph, given.how_to_prune), subject, given, StageStore(tmp_path, {}), Silent()
        )


def test_candidates_are_held_to_the_budgets(options):
    row = SimpleNamespace(bytes=100)
    assert over_budget(row, 2.0, replace(options, max_latency_ms=2.0, max_bytes=100)) is None
    assert "2.100 ms is above" in over_budget(row, 2.1, replace(options, max_latency_ms=2.0))
    assert "more than --max-bytes 99" in over_budget(row, None, replace(options, max_bytes=99))


@pytest.mark.parametrize(
    "change,told",
    [
        ({"max_bytes": 5, "prune": 0.5}, "say how much to prune"),
        ({"max_latency_ms": 0.0}, "--max-latency-ms 0: above 0"),
        ({"criterion": "taste"}, "--criterion"),
        ({"allocation": 0.0}, "--allocation"),
        ({"train_device": "tpu"}, "--train-device"),
    ],
)
def test_bad_options(options, change, told):
    with pytest.raises(UsageError, match=told):
        replace(options, **change)


def test_a_device_that_is_not_there():
    assert train_device("cpu") == "cpu" and train_device() in ("cuda", "mps", "cpu")
    with pytest.raises(DeviceError, match="PyTorch finds no such device"):
        train_device("mps")
