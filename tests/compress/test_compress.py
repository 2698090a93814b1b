"""The whole way on tiny generators; the promise to users as a whole is tested from outside, by the conformance
suite."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgegan.compress import compress as compress_by_name
from edgegan.compress.backends import builder
from edgegan.compress.backends.contract import Requirement
from edgegan.compress.pipeline import run as compress
from edgegan.core.errors import GateError, MissingPackageError, OutputError, TargetError, UsageError
from edgegan.core.manifest import read_manifest
from edgegan.core.target import load_target
from edgegan.export.bundle import unpack_bundle
from edgegan.runtime import load
from tests.validation import validate

EDGEGAN = Path(sys.executable).parent / "edgegan"


@pytest.mark.slow
def test_stages_one_by_one_end_where_compress_does(options):
    for until in ("prune", "quantize", "export"):
        report = compress(replace(options, prune=0.25, distill_steps=5), until=until)
        assert report.path is None and not list(options.out.glob("g.*"))
    assert (options.out / "stages" / "pruned.pt2").exists()
    report = compress(replace(options, prune=0.25, distill_steps=5))
    assert report.result["passed"] and (options.out / "g.tflite").exists()
    validate("report", report.content)
    validate("manifest", read_manifest(options.out / "g.tflite").content)
    again = compress(replace(options, prune=0.25, distill_steps=5))
    assert again.result["latency_ms"] == report.result["latency_ms"]


@pytest.mark.slow
def test_a_time_budget_leaves_candidates_untried_and_the_next_run_tries_them(options):
    report = compress(replace(options, time_budget=1e-3))
    assert report.result["precision"] == "int8" and len(report.content["candidates"]) == 1
    (warning,) = [text for text in report.content["warnings"] if "time budget" in text]
    assert "left untried: " in warning and "fp32" in warning
    whole = compress(options).content
    assert {row["precision"] for row in whole["candidates"]} == {"int8", "fp16", "fp32"}
    assert not [text for text in whole["warnings"] if "time budget" in text]


@pytest.mark.slow
def test_distances_gate_and_candidates_are_kept(options, photos, tmp_path):
    np.savez(tmp_path / "photos.npz", images=photos)
    report = compress(
        replace(options, data=tmp_path / "photos.npz", fd_samples=32, max_fd_ratio=50.0, keep_candidates=True)
    )
    assert report.result["quality"]["fd_lite0"] > 0 and report.content["baseline"]["quality"]["fd_lite0"] > 0
    other = next(c for c in report.content["candidates"] if c["name"] != report.result["name"])
    kept = options.out / other["artifact"]
    assert kept.parent.parent.name == "candidates" and load(kept).sample(1).shape == (1, 16, 16, 3)
    with pytest.raises(GateError, match="fd_lite0"):
        compress(replace(options, data=tmp_path / "photos.npz", fd_samples=32, max_fd_ratio=1e-6))
    written = json.loads((options.out / "report.json").read_text())
    assert (
        written["result"] is None
        and not list(options.out.glob("g.*"))
        and all("above the gate" in c["reason"] for c in written["candidates"])
    )


@pytest.mark.slow
def test_a_bundle_holds_what_the_device_needs(options):
    report = compress(replace(options, target=load_target("jetson-orin"), precision="int8"))
    (options.out / "unpacked").mkdir()
    bundle = unpack_bundle(options.out / "g.edgegan", options.out / "unpacked")
    with np.load(options.out / "unpacked" / "check.npz") as held:
        assert {"input_z", "image", "calibration_z"} <= set(held) and len(held["calibration_z"]) >= 8
        assert not set(map(bytes, held["calibration_z"])) & set(map(bytes, held["input_z"]))
    validate("report", report.content)
    validate("manifest", read_manifest(options.out / "g.edgegan").content)
    assert report.result["artifact"] == "g.edgegan" and "edgegan build" in bundle.description["command"]
    assert {variant.precision for variant in bundle.variants} == {"int8", "fp32"}
    assert bundle.images.shape[1:] == (3, 16, 16) and set(bundle.inputs) == {"z"}
    assert bundle.description["gate"] == {"min_psnr_db": 18, "min_snr_db": None, "max_lpips": None}
    assert "NVIDIA's ONNX parser" in " ".join(report.result["notes"])


@pytest.mark.slow
@pytest.mark.parametrize("stop,code", [(signal.SIGINT, 130)])
def test_ctrl_c_is_130_and_the_same_call_goes_on(options, model, stop, code):
    command = [
        str(EDGEGAN),
        "compress",
        f"{model}:latent",
        "--input",
        "latent:8x1x1",
        "--target",
        "mobile",
        "--min-psnr",
        "18",
        "--prune",
        "0.25",
        "--distill-steps",
        "4000",
        "--out",
        str(options.out),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    end = time.time() + 120
    while not (options.out / "stages" / "distil.pt").exists() and process.poll() is None and time.time() < end:
        time.sleep(0.05)
    busy = subprocess.run([*command[:-1], str(options.out)], capture_output=True, text=True)
    os.killpg(process.pid, stop)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code and "resume" in errors and "Traceback" not in errors
    assert busy.returncode == 2 and "in use" in busy.stderr
    assert not list(options.out.glob("g.*")) and not list(options.out.rglob("*.part*"))


def test_a_run_of_other_inputs_is_refused_and_forced(options):
    compress(options, until="prune")
    with pytest.raises(OutputError, match="--force"):
        compress(replace(options, seed=1), until="prune")
    compress(replace(options, seed=1, force=True), until="prune")


def test_no_pruning_steps_are_said_loudly(options):
    report = compress(replace(options, prune=0.25, distill_steps=0), until="prune")
    assert any("WARNING" in note for stage in report.content["stages"] for note in stage["notes"])


@pytest.mark.parametrize(
    "change,told",
    [
        ({"prune": 1.5}, "prune"),
        ({"prune": float("nan")}, "prune"),
        ({"macs_ratio": 0.5}, "macs-ratio"),
        ({"precision": "int7"}, "int7"),
        ({"batch": 0}, "batch"),
        ({"threads": 0}, "threads"),
        ({"distill_steps": -1}, "distill"),
        ({"max_fd_ratio": -1.0}, "max-fd"),
    ],
)
def test_options_are_checked_before_anything_is_loaded(options, change, told):
    with pytest.raises(UsageError, match=told):
        replace(options, **change)


@pytest.mark.parametrize(
    "pictures,told",
    [
        (np.full((6, 16, 16, 3), 90, np.uint8), "one flat colour"),
        (np.tile(np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1), (6, 1, 1, 3)), "are the same"),
    ],
)
def test_pictures_that_say_nothing_are_refused_before_calibration(options, model, tmp_path, pictures, told):
    np.savez(tmp_path / "flat.npz", images=pictures)
    with pytest.raises(UsageError, match=told):
        compress(replace(options, model=f"{model}:image", inputs=("image:3x16x16",), data=tmp_path / "flat.npz"))


def test_pictures_outside_every_range_are_refused(options, model, tmp_path):
    np.savez(tmp_path / "wide.npz", images=np.linspace(-5, 5, 6 * 16 * 16 * 3, dtype=np.float32).reshape(6, 16, 16, 3))
    with pytest.raises(UsageError, match=r"float values span -5\.\.5"):
        compress(replace(options, model=f"{model}:image", inputs=("image:3x16x16",), data=tmp_path / "wide.npz"))


def test_a_precision_that_the_target_does_not_take_is_refused(options):
    with pytest.raises(TargetError, match="mobile-gpu"):
        replace(options, target=load_target("mobile-gpu"), precision="int8")


def test_a_missing_package_is_told_before_work(options, monkeypatch):
    missing = Requirement("no-such-package", "no_such", "mobile")
    monkeypatch.setattr(type(builder("litert")), "requirement", missing)
    with pytest.raises(MissingPackageError, match=r"edgegan\[mobile\]"):
        compress(options)


def test_the_python_call_of_the_interface(model, tmp_path):
    report = compress_by_name(
        f"{model}:latent", "mobile", inputs=["latent:8x1x1"], out=str(tmp_path / "out"), until="rewrite"
    )
    assert [s["name"] for s in report.content["stages"]] == ["load", "prune", "rewrite"] and report.result is None


@pytest.mark.slow
def test_a_target_may_name_openvino_alone(options, tmp_path):
    file = tmp_path / "ov.toml"
    file.write_text(
        'description = "OpenVINO alone"\nruntimes = ["openvino"]\nprecisions = ["int8", "fp32"]\nruns_here = true\n'
    )
    report = compress(replace(options, target=load_target(str(file)))).content
    validate("report", report)
    assert report["baseline"]["backend"] == "openvino" and report["result"]["backend"] == "openvino"
    assert report["baseline"]["latency_ms"]["p50"] > 0


@pytest.mark.slow
def test_a_sound_is_heard_in_the_report(tmp_path):
    (tmp_path / "voice.py").write_text(
        "import torch\nfrom torch import nn\n\n\ndef make():\n    torch.manual_seed(0)\n"
        "    up, last = nn.ConvTranspose1d(8, 4, 32, 16, 8), nn.Conv1d(4, 1, 7, 1, 3)\n"
        "    return nn.Sequential(up, nn.LeakyReLU(0.1), last, nn.Tanh())\n"
    )
    np.savez(tmp_path / "features.npz", z=np.random.default_rng(0).normal(2.0, 1.0, (40, 8, 128)))
    report = compress_by_name(
        f"{tmp_path}/voice.py:make", "mobile", inputs=["latent:8x128"], data=str(tmp_path / "features.npz"), threads=1,
        precision="fp32", calibration_samples=8, out=str(tmp_path / "out"),
    ).content  # fmt: skip
    validate("report", report)
    assert report["result"]["quality"]["log_spectral_distance_db"] < 0.1
    assert (tmp_path / "out" / "samples.wav").stat().st_size > 4 * 2 * 2 * 2048
    assert "data:audio/wav;base64," in (tmp_path / "out" / "report.html").read_text()
    assert not [w for w in report["warnings"] if "looks like features" in w]


@pytest.mark.slow
def test_a_free_batch_is_the_artifact_s_own(model, tmp_path):
    report = compress_by_name(
        f"{model}:latent", "mobile", inputs=("latent:8x1x1",), batch="1,2,5", out=tmp_path / "out", threads=1,
        min_psnr=18, calibration_samples=16, fd_samples=0, precision="int8",
    )  # fmt: skip
    manifest = json.loads((tmp_path / "out" / "g.tflite.json").read_text())
    validate("manifest", manifest)
    assert manifest["batch"] == {"min": 1, "max": 5, "usual": 2} and report.result["precision"] == "int8"
    with load(tmp_path / "out" / "g.tflite", threads=1) as generator:
        inputs = generator.sample_inputs(7, seed=0)
        together = generator.run(inputs)["image"]
        alone = [generator.run({"z": inputs["z"][i : i + 1]})["image"] for i in range(7)]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)


@pytest.mark.slow
def test_where_the_batch_is_kept_there_is_an_artifact_for_each_number(model, tmp_path):
    """LiteRT's converter folds a batch of one into what instance norms average."""
    report = compress_by_name(
        f"{model}:image", "mobile", inputs=("image:3x16x16",), batch="1,2,3", out=tmp_path / "out", threads=1,
        fd_samples=0, precision="fp32",
    )  # fmt: skip
    assert [folder.name for folder in report.folders] == ["batch-1", "batch-2", "batch-3"]
    for count, folder in enumerate(report.folders, 1):
        with load(folder / "g.tflite", threads=1) as generator:
            assert generator.manifest.batches == (count, count)
    assert report.path == tmp_path / "out" / "batch-1" / "report.json"
