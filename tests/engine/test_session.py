"""The session for plans: page-locked buffers, recorded graphs, threads, arrays of the GPU, and that all is freed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.conftest import compressed
from tests.validation import validate

NOTHING = {"device": 0, "host": 0, "stream": 0, "graph": 0, "instance": 0, "event": 0}


@pytest.fixture
def told(bundle, device, tmp_path, request):
    done, _ = device("build", bundle, "--out", tmp_path / "engine")
    assert done.returncode == 0, done.stderr
    script = [sys.executable, str(Path(__file__).with_name("gpu_session.py")), str(tmp_path / "engine" / "g.plan")]
    done = subprocess.run(script, capture_output=True, text=True, env=device.environment(**request.param))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("told", [{}], indirect=True)
def test_a_plan_is_run_by_many_threads_and_in_the_gpu_s_memory(told):
    assert told["notes"] == []
    assert told["threads agree"]
    assert told["live"]["graph"] == told["live"]["stream"] <= 4
    assert told["on the device"] and told["into the given array"] and told["afterwards on the host"]
    host, shape, out = told["refused"]
    assert "lies in the host's memory" in host and "of shape (2, 3, 16, 16)" in shape and "the output" in out
    assert told["freed with its array"]
    assert told["after prepare"] and all(ms > 0 for ms in told["device ms"])


@pytest.mark.slow
@pytest.mark.parametrize("told", [{"FAKE_NO_GRAPHS": "1"}], indirect=True)
def test_all_is_freed_also_where_no_graph_can_be_recorded(told):
    assert "not repeated as a CUDA graph: CUDA failed: operation not permitted" in told["notes"][0]
    assert told["threads agree"] and told["on the device"]
    assert told["after close"] == told["after 100 loads"] == told["after a failed load"] == NOTHING
    assert "out of memory" in told["too little memory"]


FREE = """
import json, sys
import numpy as np
from edgegan.core.errors import GeneratorError
from edgegan.core.sampling import sample_inputs
from edgegan.runtime import load
generator = load(sys.argv[1])
(name,) = [i.name for i in generator.inputs]
inputs = sample_inputs(generator.inputs, 20, 0)[name]
one_by_one = np.concatenate([generator.run({name: inputs[i : i + 1]})["image"] for i in range(20)])
told = {}
for count in (1, 2, 4, 8, 20):
    told[str(count)] = float(np.abs(generator.run({name: inputs[:count]})["image"] - one_by_one[:count]).max())
try:
    generator._session.run([inputs[:9]])
except GeneratorError as exc:
    told["refused"] = str(exc)
print(json.dumps(told | {"batch": generator.batch}))
"""


@pytest.mark.slow
def test_an_engine_of_free_batch_takes_any_number(device, tmp_path):
    out = compressed(tmp_path, batch="1,4,8", precision="int8")
    manifest = json.loads((out / "g.edgegan.json").read_text())
    assert manifest["batch"] == {"min": 1, "max": 8, "usual": 4}
    done, _ = device("build", out / "g.edgegan", "--out", tmp_path / "engine")
    assert done.returncode == 0, done.stderr
    built = json.loads((tmp_path / "engine" / "g.plan.json").read_text())
    assert built["batch"] == manifest["batch"] and "batch=1,4,8" in built["build"]["flags"]
    script = [sys.executable, "-c", FREE, str(tmp_path / "engine" / "g.plan")]
    done = subprocess.run(script, capture_output=True, text=True, env=device.environment())
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["batch"] == 4 and "has shape (9, 3, 16, 16)" in told["refused"]
    assert all(told[count] < 1e-5 for count in ("1", "2", "4", "8", "20"))


@pytest.mark.slow
def test_a_plan_is_benched_by_the_gpu_s_own_clock_memory_and_profiler(bundle, device, tmp_path):
    done, _ = device("build", bundle, "--out", tmp_path / "engine")
    assert done.returncode == 0, done.stderr
    plan, figures = tmp_path / "engine" / "g.plan", tmp_path / "bench.json"
    given = ("bench", "--engine", plan, "--seconds", "0.2", "--power-seconds", "0", "--profile", "--json", figures)
    done, _ = device(*given)
    assert done.returncode == 0, done.stderr
    found = json.loads(figures.read_text())
    validate("bench", found)
    # Medians of other calls each.
    assert 0 < found["split"]["device_ms"]["p50"] <= 1.2 * found["split"]["call_ms"]
    assert found["memory"]["device_mib"] > 0
    profile = found["profile"]
    assert profile["source"] == "TensorRT's IProfiler" and len(profile["layers"]) > 3
    assert profile["sum_ms"] <= 1.05 * profile["whole_ms"]
