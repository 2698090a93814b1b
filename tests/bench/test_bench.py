import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from edgegan.bench import memory
from edgegan.bench.latency import interleaved, measure, summarize
from edgegan.bench.memory import memory_of
from edgegan.bench.quality import paired, structural
from edgegan.bench.single import bench
from edgegan.bench.worker import Job, run_job
from edgegan.core.errors import ArtifactError, DeviceError
from edgegan.core.sampling import sample_inputs
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.runtime import null
from tests.conftest import LATENT, make_null


def test_percentiles_are_numpys():
    times = np.random.default_rng(0).gamma(2, 3, 500)
    found = summarize(times)
    for name in ("p50", "p90", "p95", "p99"):
        assert getattr(found, name) == pytest.approx(np.percentile(times, float(name[1:])))
    assert found.cv == pytest.approx(times.std() / times.mean()) and found.count == 500


def test_a_measurement_takes_at_least_its_time_and_runs():
    calls = []
    start = time.perf_counter()
    found = measure(lambda: calls.append(1), warmup=0.02, seconds=0.1, least=10)
    assert time.perf_counter() - start >= 0.12 and found.count >= 10 and len(calls) > found.count
    assert measure(lambda: time.sleep(0.03), warmup=0, seconds=0, least=10).count == 10


def test_interleaving_gives_each_its_turns():
    order = []
    found = interleaved(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")}, seconds=0.02, rounds=3, warmup=0
    )
    turns = [x for i, x in enumerate(order) if i == 0 or order[i - 1] != x]
    assert turns == ["a", "b"] * 3 and found["a"].count >= 10


def test_interleaving_tells_its_turns():
    told = []
    interleaved({"a": int, "b": int}, seconds=0.01, rounds=2, warmup=0, told=lambda *step: told.append(step))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_call_longer_than_its_turn_is_timed_once_a_turn():
    found = interleaved({"slow": lambda: time.sleep(0.03), "fast": lambda: None}, seconds=0.08, rounds=4, warmup=0.01)
    assert found["slow"].count == 4 and found["fast"].count >= 10


def test_what_is_far_behind_is_left_out_of_the_second_half_of_the_turns():
    order = []

    def taking(name, seconds):
        return lambda: (order.append(name), time.sleep(seconds))

    calls = {"slow": taking("slow", 0.03), "near": taking("near", 0.012), "fast": taking("fast", 0.01)}
    found = interleaved(calls, seconds=0.4, rounds=4, warmup=0, least=1, outrun=2.0)
    assert "slow" not in order[order.index("fast", len(order) // 2) :]
    assert found["slow"].p50 >= 30 and found["slow"].count < found["near"].count


def test_memory_is_of_a_process_of_its_own(null_artifact):
    ballast = np.ones(400 << 20, np.uint8)
    taken = memory_of(null_artifact, 1)
    assert 10 < taken.peak_rss < 200 and ballast[-1] == 1
    assert taken.arena is not None and taken.arena < 5 and taken.device is None and taken.device_reason


@pytest.mark.parametrize(
    ("signal", "error", "told"),
    [
        ("KILL", DeviceError, "was killed, as a kernel does that runs out of memory"),
        ("SEGV", ArtifactError, r"ends the process that reads it \(SIGSEGV\)"),
    ],
)
def test_an_artifact_that_ends_the_process_that_loads_it_is_told(
    signal, error, told, null_artifact, monkeypatch, tmp_path
):
    """That process dies, not the one that measures."""
    (tmp_path / "python").write_text(f"#!/bin/sh\nulimit -c 0\nkill -{signal} $$\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(memory.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(error, match=told):
        bench(null_artifact, threads=1, seconds=0.05, power_seconds=0)


def test_bench_of_a_null_artifact_has_every_field(null_artifact):
    found = bench(null_artifact, threads=1, seconds=0.05, power_seconds=0)
    assert found["latency_ms"]["count"] >= 10 and found["throughput_ips"] > 0 and found["load_ms"] > 0
    assert (
        found["power"] is None
        and found["power_reason"]
        and found["memory"]["device_mib"] is None
        and found["memory"]["device_mib_reason"]
    )
    split = found["split"]
    assert split["copies_ms"] == split["call_ms"] - split["compute_ms"] and split["device_ms_reason"]
    assert found["copies"] is True
    assert bench(null_artifact, threads=1, seconds=0.05, power_seconds=0, copies=False)["copies"] is False


def test_a_figure_whose_library_is_missing_is_null_with_the_reason(monkeypatch):
    """What was measured before it is not lost."""
    for name in ("torchmetrics", "torchmetrics.functional.image"):
        monkeypatch.setitem(sys.modules, name, None)
    pictures = np.random.default_rng(0).normal(size=(2, 3, 16, 16)).astype(np.float32)
    found = structural(pictures, pictures, (-1.0, 1.0))
    assert found["ssim"] is None and "edgegan[quality]" in found["ssim_reason"]
    assert paired(pictures, pictures, pictures, (-1.0, 1.0))["psnr_db"] > 100


def test_a_worker_measures_several_and_survives_one(tmp_path, null_artifact):
    broken = make_null(tmp_path / "b.null", LATENT)
    broken.write_bytes(b"")
    inputs = sample_inputs(LATENT.inputs, 3, 0)
    told = []
    found = run_job(
        Job(artifacts={"good": null_artifact, "bad": broken}, inputs=inputs, threads=1, timed=("good",), seconds=0.02),
        lambda *step: told.append(step),
    )
    assert told[0] == (0, 3) and told[-1] == (3, 3) and told == sorted(told)
    assert found["good"].images.shape == (3, 3, 16, 16) and found["good"].latency_ms["count"] >= 10
    assert "damaged" in found["bad"].error and found["bad"].images is None


def test_outputs_that_are_no_numbers_are_an_error_not_a_figure(tmp_path, null_artifact, monkeypatch):
    """The null backend gives the middle of the output range, which float32 does not hold here."""
    huge = make_null(tmp_path / "h.null", replace(LATENT, output_range=(0.0, 1e39)))
    inputs = sample_inputs(LATENT.inputs, 3, 0)
    found = run_job(Job(artifacts={"good": null_artifact, "huge": huge}, inputs=inputs, threads=1, timed=("huge",)))
    assert "3 of 3 pictures hold NaN or infinity" in found["huge"].error and found["huge"].latency_ms is None
    assert found["good"].error is None
    monkeypatch.setattr(null.VendorSession, "_run", lambda self, arrays: np.full((1, 3, 16, 16), np.nan, np.float32))
    with pytest.raises(DeviceError, match="1 of 1 pictures"):
        bench(null_artifact, threads=1, seconds=0.02, power_seconds=0)


def test_artifacts_may_take_inputs_of_their_own(tmp_path, null_artifact):
    other = make_null(tmp_path / "o.null", LATENT)
    few, many = (sample_inputs(LATENT.inputs, count, 0) for count in (2, 5))
    job = Job(artifacts={"a": null_artifact, "b": other}, inputs=few, threads=1, own_inputs={"b": many})
    found = run_job(job)
    assert len(found["a"].images) == 2 and len(found["b"].images) == 5
    assert job.of("b").own_inputs == {"b": many} and list(job.of("a").artifacts) == ["a"]


@pytest.mark.slow
def test_a_crash_of_a_vendor_costs_one_candidate(tmp_path, null_artifact, monkeypatch):
    """A process that dies under one artifact: the others are measured all the same."""
    hook = tmp_path / "sitecustomize.py"
    hook.write_text(
        "import os, sys\nfrom pathlib import Path\nif 'edgegan.bench.worker' in ' '.join(sys.orig_argv) and "
        "'crash.null' in (Path(sys.orig_argv[-1]) / 'job.json').read_text(): os._exit(139)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    crash = make_null(tmp_path / "crash.null", LATENT)
    found = run_job(
        Job(artifacts={"good": null_artifact, "crash": crash}, inputs=sample_inputs(LATENT.inputs, 1, 0), threads=1)
    )
    assert found["good"].error is None and "139" in found["crash"].error, sys.version


def test_inputs_of_every_kind_are_timed(tmp_path):
    spec = GeneratorSpec(
        inputs=(
            *LATENT.inputs,
            TensorSpec(name="y", kind="label", shape=(), classes=4),
            TensorSpec(name="x", kind="image", shape=(3, 8, 8), range=(0.0, 1.0)),
        )
    )
    assert bench(make_null(tmp_path / "g.null", spec, batch=4), threads=1, seconds=0.02, power_seconds=0)["batch"] == 4
