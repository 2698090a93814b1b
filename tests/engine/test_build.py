"""The choice on the device, with a TensorRT that is faked at the level of its Python calls."""

import json
import re
import subprocess
import sys
import zipfile

import onnx
import pytest

from edgegan.export.bundle import unpack_bundle
from tests.archives import rewrite_archive
from tests.validation import validate

VERSIONS = ("8.6.1", "10.3.0", "11.0.0")
INT8_WINS = json.dumps({"fp32": 12, "fp16": 8, "int8": 4})


def rows(report):
    return {row["name"]: row for row in report["candidates"]}


def of(report, precision):
    return [row for row in report["candidates"] if row["precision"] == precision]


def test_the_bundle_lists_its_variants(bundle, tmp_path):
    with zipfile.ZipFile(bundle) as archive:
        header = json.loads(archive.read("bundle.json"))
    names = {variant["name"] for variant in header["variants"]}
    assert {"baseline", "tensorrt-native-fp32", "tensorrt-native-fp16"} <= names
    for end in ("sums", "last", "sums-last"):
        assert f"tensorrt-native-int8-{end}-fp16" in names
    for variant in header["variants"]:
        assert {"name", "precision", "files"} <= variant.keys()
        assert {file["name"] for file in variant["files"]} == {f"{variant['name']}.onnx", "weights.bin"}
    (tmp_path / "u").mkdir()
    unpacked = unpack_bundle(bundle, tmp_path / "u")
    assert len(unpacked.images) == len(unpacked.inputs["x"]) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_the_fastest_that_passes_is_kept(bundle, device, tmp_path, version):
    out = tmp_path / "engine"
    done, report = device("build", bundle, "--out", out, FAKE_TENSORRT=version, FAKE_MS=INT8_WINS)
    assert done.returncode == 0, done.stderr
    validate("report", report)
    result = report["result"]
    assert result["precision"] == "int8" and result["speedup"] == pytest.approx(3.0, rel=0.3)
    assert report["environment"]["clocks"]["before"].keys() >= {"cpu", "gpu", "celsius"}
    assert all(row["latency_ms"]["count"] >= 10 for row in report["candidates"])
    manifest = json.loads((out / "g.plan.json").read_text())
    build = manifest["build"]
    assert build["versions"] == {"tensorrt": version} and build["built_on_device"] is True
    assert build["compute_capability"] == "8.7" and build["platform"].startswith("linux-")
    assert build["flags"] == (["fp16", "int8"] if version == "8.6.1" else ["strongly_typed"])
    assert manifest["precision"] == "int8"
    assert '"kind": "run"' in (out / "report.html").read_text() and (out / "samples.png").exists()


@pytest.mark.slow
def test_int8_that_is_slower_loses(bundle, device, tmp_path):
    slower = json.dumps({"fp32": 12, "fp16": 5, "int8": 8})
    _, report = device("build", bundle, "--out", tmp_path / "engine", FAKE_MS=slower)
    assert report["result"]["precision"] == "fp16"
    assert all(row["passed"] for row in of(report, "int8"))


@pytest.mark.slow
def test_a_pair_that_costs_more_than_it_saves_goes(bundle, device, tmp_path):
    costly = json.dumps({"fp32": 30, "fp16": 25, "int8": 4, "pair": 1})
    _, report = device("build", bundle, "--out", tmp_path / "engine", FAKE_MS=costly)
    times = {row["name"]: row["latency_ms"]["p50"] for row in of(report, "int8")}
    assert report["result"]["name"] == min(times, key=times.__getitem__)
    assert (
        times["tensorrt-native-int8-sums-last-fp16"]
        < times["tensorrt-native-int8-sums-fp16"]
        < times["tensorrt-native-int8"]
    )


@pytest.mark.slow
def test_single_pairs_that_cost_more_than_they_save_go(bundle, device, tmp_path):
    """Two take three milliseconds each; the others are free, and go only in a group with one of them."""
    (tmp_path / "u").mkdir()
    variants = {each.name: each for each in unpack_bundle(bundle, tmp_path / "u").variants}
    in_all = set.intersection(
        *(
            {
                node.name
                for node in onnx.load(each.onnx, load_external_data=False).graph.node
                if node.op_type == "QuantizeLinear"
            }
            for each in variants.values()
            if each.precision == "int8"
        )
    )
    costly = sorted(in_all)[:2]
    out = tmp_path / "engine"
    environment = {
        "FAKE_MS": json.dumps({"fp32": 30, "fp16": 25, "int8": 4}),
        "FAKE_PAIR_MS": json.dumps(dict.fromkeys(costly, 3)),
    }
    done, report = device("build", bundle, "--out", out, "--pairs-budget", "2m", **environment)
    assert done.returncode == 0, done.stderr
    validate("report", report)
    result = report["result"]
    assert len(costly) == 2 and "-pairs" in result["name"] and result["latency_ms"]["p50"] < 5.5
    told = json.loads((out / "g.plan.json").read_text())["precision_exceptions"]
    gone = {name for name, kind in told.items() if kind == "unrounded"}
    assert set(costly) <= gone
    (note,) = next(stage for stage in report["stages"] if stage["name"] == "pairs")["notes"]
    before, all_pairs = map(int, re.match(r"(\d+) of (\d+) pairs", note).groups())
    assert before == len(gone) < all_pairs and "untried" not in note
    done, kept = device("build", bundle, "--out", out, "--pairs-budget", "0", **environment)
    assert (
        kept["result"]["latency_ms"]["p50"] > 9 and not next(s for s in kept["stages"] if s["name"] == "pairs")["notes"]
    )
    done, _ = device("build", bundle, "--out", out, "--pairs-budget", "soon")
    assert done.returncode == 2 and "write 90s, 5m or 1.5h" in done.stderr


@pytest.mark.slow
def test_ruined_and_refused_variants_are_told_and_skipped(bundle, device, tmp_path):
    done, report = device(
        "build", bundle, "--out", tmp_path / "engine", FAKE_WRONG="int8", FAKE_REFUSED="fp16", FAKE_MS=INT8_WINS
    )
    assert done.returncode == 0 and report["result"]["precision"] == "fp32"
    assert all("below the gate of 20 dB" in row["reason"] for row in of(report, "int8"))
    (half,) = of(report, "fp16")
    assert half["latency_ms"] is None and "parser refuses the generator: node_" in half["reason"]
    _, old = device(
        "build", bundle, "--out", tmp_path / "old", FAKE_TENSORRT="8.6.1", FAKE_REFUSED="fp16", FAKE_MS=INT8_WINS
    )
    assert "node 0: no importer registered" in of(old, "fp16")[0]["reason"]


@pytest.mark.slow
def test_where_nothing_passes_the_report_is_written(bundle, device, tmp_path):
    done, report = device("build", bundle, "--out", tmp_path / "engine", FAKE_WRONG="int8,fp16,fp32")
    assert done.returncode == 7 and "passed the gate" in done.stderr
    assert report["result"] is None and not (tmp_path / "engine" / "g.plan").exists()


@pytest.mark.slow
def test_timings_are_kept_for_the_next_build_of_the_same_tensorrt(bundle, device, tmp_path):
    cache = bundle.with_name("g.edgegan.timing-cache")
    device("build", bundle, "--out", tmp_path / "a")
    builds = json.loads(cache.read_text())["builds"]
    device("build", bundle, "--out", tmp_path / "b")
    assert json.loads(cache.read_text())["builds"] == 2 * builds
    device("build", bundle, "--out", tmp_path / "c", FAKE_TENSORRT="11.0.0")
    assert json.loads(cache.read_text()) == {"version": "11.0.0", "builds": builds}


@pytest.mark.slow
def test_options_reach_the_builder(bundle, device, tmp_path):
    given = ("--workspace", "512", "--dla", "1", "--version-compatible", "--hardware-compatible")
    done, _ = device("build", bundle, "--out", tmp_path / "engine", *given)
    assert done.returncode == 0, done.stderr
    flags = json.loads((tmp_path / "engine" / "g.plan.json").read_text())["build"]["flags"]
    assert {"workspace=512MiB", "dla=1", "gpu_fallback", "version_compatible", "hardware_compatible"} <= set(flags)
    assert "strongly_typed" not in flags and "can run on DLA core 1; the GPU runs" in done.stderr
    done, report = device("build", bundle, "--out", tmp_path / "none", "--dla", "0", FAKE_TENSORRT="11.0.0")
    assert done.returncode == 7 and "finds none on this device" in report["candidates"][0]["reason"]


@pytest.mark.slow
def test_a_gpu_without_tensorrt_takes_onnx_runtime_s_cuda_provider(bundle, device, tmp_path):
    out = tmp_path / "engine"
    done, report = device("build", bundle, "--out", out, FAKE_NO_TENSORRT="1", FAKE_CUDA_PROVIDER="2")
    assert done.returncode == 0, done.stderr
    validate("report", report)
    result = report["result"]
    assert result["backend"] == "onnxruntime-cuda" and result["artifact"] == "g.onnx" and result["speedup"]
    assert {row["precision"] for row in report["candidates"] if row["latency_ms"]} == {"fp32", "fp16"}
    assert all("does not compute in int8" in row["reason"] for row in of(report, "int8"))
    done, _ = device("bench", "--engine", out / "g.onnx", "--seconds", "0.2", "--power-seconds", "0", "--json", "-",
                     FAKE_NO_TENSORRT="1", FAKE_CUDA_PROVIDER="2")  # fmt: skip
    assert json.loads(done.stdout)["latency_ms"]["p50"] >= 2
    done, _ = device("bench", "--engine", out / "g.onnx")
    assert done.returncode == 8 and "onnxruntime-gpu" in done.stderr


@pytest.mark.slow
def test_tensorrt_and_the_cuda_provider_are_timed_side_by_side(bundle, device, tmp_path):
    slow = json.dumps({"fp32": 20, "fp16": 15, "int8": 12})
    _, report = device("build", bundle, "--out", tmp_path / "a", FAKE_MS=slow, FAKE_CUDA_PROVIDER="3")
    assert report["result"]["backend"] == "onnxruntime-cuda"
    _, report = device("build", bundle, "--out", tmp_path / "a", FAKE_MS=INT8_WINS, FAKE_CUDA_PROVIDER="9")
    assert report["result"]["backend"] == "tensorrt" and not (tmp_path / "a" / "weights.bin").exists()


def test_without_tensorrt_or_a_gpu_it_says_so(bundle, device, tmp_path):
    done, _ = device("build", bundle, "--out", tmp_path / "e", PYTHONPATH="")
    assert done.returncode == 5 and "edgegan[tensorrt]" in done.stderr and "Traceback" not in done.stderr
    done, _ = device("build", bundle, "--out", tmp_path / "e", LD_LIBRARY_PATH="")
    assert done.returncode == 8 and "no NVIDIA driver" in done.stderr


@pytest.mark.parametrize("change", [
    lambda c: c.update({"tensorrt-native-fp32.onnx": b"other"}), lambda c: c.update({"../evil": b"x"}),
    lambda c: c.pop("weights.bin"), lambda c: c.update({"weights.bin": c["weights.bin"] + b"more"}),
])  # fmt: skip
def test_a_tampered_bundle_builds_nothing(bundle, device, tmp_path, change):
    rewrite_archive(bundle, change)
    bundle.with_name("g.edgegan.json").unlink()
    done, _ = device("build", bundle, "--out", tmp_path / "engine")
    assert done.returncode == 6 and "Traceback" not in done.stderr
    assert not (tmp_path / "engine").exists() and not (tmp_path / "evil").exists()


@pytest.mark.slow
def test_an_engine_of_another_device_is_refused_with_what_to_do(bundle, device, tmp_path):
    plan = tmp_path / "engine" / "g.plan"
    device("build", bundle, "--out", plan.parent)
    for change, told in (
        ({"FAKE_TENSORRT": "11.0.0"}, "was built with TensorRT 10.3.0, and this is 11.0.0"),
        ({"FAKE_CAPABILITY": "7.2"}, "was built for compute capability 8.7, and this GPU has 7.2"),
    ):
        done, _ = device("bench", "--engine", plan, "--seconds", "0.1", **change)
        assert done.returncode == 6 and told in done.stderr and "edgegan build" in done.stderr
    done, _ = device("bench", "--engine", plan, "--seconds", "0.1", "--power-seconds", "0")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_inspect_tells_layers_and_what_they_compute_in(bundle, device, tmp_path):
    plan = tmp_path / "engine" / "g.plan"
    device("build", bundle, "--out", plan.parent, FAKE_MS=INT8_WINS)
    done, _ = device("inspect", plan, "--json")
    layers = json.loads(done.stdout)["layers"]
    convolutions = [layer for layer in layers if layer["operator"] == "Conv"]
    assert convolutions and {layer["precision"] for layer in convolutions} <= {"int8", "fp32"}
    assert any(layer["operator"] == "?" and layer["name"] for layer in layers)
    done, _ = device("inspect", plan)
    assert "fused of" in done.stdout
    done, _ = device("inspect", plan, LD_LIBRARY_PATH="")
    assert done.returncode == 0 and "needs the device: this machine has no NVIDIA driver" in done.stdout


WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "torchao", "torchmetrics", "safetensors", "scipy", "PIL"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from edgegan.cli.app import main
sys.argv = ["edgegan", *sys.argv[1:]]
main()
"""


@pytest.mark.slow
def test_the_base_install_is_enough(bundle, device, tmp_path):
    """The fake computes with ONNX Runtime; nothing else of what compressing needs is there."""
    command = [sys.executable, "-c", WITHOUT, "build", str(bundle), "--out", str(tmp_path / "engine")]
    command += ["--seconds", "0.3"]
    done = subprocess.run(command, capture_output=True, text=True, env=device.environment(FAKE_MS=INT8_WINS))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "engine" / "report.json").read_text())["result"]
    assert result["precision"] == "int8" and result["quality"]["ssim"] is None
    assert "edgegan[" in result["quality"]["ssim_reason"] and "edgegan[" in result["quality"]["lpips_reason"]
