"""Packages for servers and phones: their files hold what the manifest says."""

import json
import re

import pytest

from edgegan.cli.app import run
from edgegan.core.spec import GeneratorSpec, TensorSpec
from tests.conftest import make_null

SPEC = GeneratorSpec(
    inputs=(
        TensorSpec(name="z", kind="latent", shape=(100, 1, 1), truncation=0.7),
        TensorSpec(name="label", kind="label", shape=(), classes=10),
    )
)


def given(tmp_path, backend, suffix, **changes):
    made = make_null(tmp_path / f"g{suffix}", SPEC, batch=2)
    sidecar = tmp_path / f"g{suffix}.json"
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | {"backend": backend} | changes))
    return made


@pytest.mark.parametrize(
    "backend,suffix,file", [("onnxruntime", ".onnx", "model.onnx"), ("tensorrt", ".plan", "model.plan"),
                            ("openvino", ".onnx", "model.onnx")],
)  # fmt: skip
def test_a_model_repository_for_triton(backend, suffix, file, tmp_path):
    made, out = given(tmp_path, backend, suffix), tmp_path / "repository"
    assert run(["package", str(made), "--for", "triton", "--out", str(out)]) == 0
    config = (out / "generator/config.pbtxt").read_text()
    assert (out / "generator/1" / file).read_bytes() == made.read_bytes()
    assert f'backend: "{backend}"' in config and "max_batch_size: 0" in config and "dynamic_batching" not in config
    assert re.findall(r"dims: \[ (.*?) \]", config) == ["2, 100, 1, 1", "2", "2, 3, 16, 16"]
    assert re.findall(r"data_type: (\w+)", config) == ["TYPE_FP32", "TYPE_INT64", "TYPE_FP32"]
    assert config.count("{") == config.count("}") and config.count("[") == config.count("]")


def test_a_free_batch_is_batched_by_triton(tmp_path):
    made, out = given(tmp_path, "tensorrt", ".plan", batch={"min": 1, "max": 16, "usual": 4}), tmp_path / "repository"
    assert run(["package", str(made), "--for", "triton", "--out", str(out)]) == 0
    config = (out / "generator/config.pbtxt").read_text()
    assert "max_batch_size: 16" in config and "dynamic_batching" in config
    assert re.findall(r"dims: \[ (.*?) \]", config) == ["100, 1, 1", "1", "3, 16, 16"]


def test_an_application_of_ray_serve(tmp_path):
    made, out = given(tmp_path, "litert", ".tflite"), tmp_path / "app"
    assert run(["package", str(made), "--for", "ray-serve", "--out", str(out)]) == 0
    compile((out / "app.py").read_text(), "app.py", "exec")
    assert '"g.tflite"' in (out / "app.py").read_text() and "{{" not in (out / "app.py").read_text()
    assert (out / "requirements.txt").read_text().splitlines() == ["ray[serve]", "edgegan[litert,pictures]"]


def test_a_project_for_android(tmp_path, capsys):
    made, out = given(tmp_path, "litert", ".tflite"), tmp_path / "android"
    assert run(["package", str(made), "--for", "android", "--out", str(out)]) == 0
    assert "not built by our tests" in capsys.readouterr().out
    constants = (out / "app/src/main/java/edgegan/Artifact.kt").read_text()
    assert 'Input("z", "latent", listOf(100, 1, 1), 0, 0.0, 0.0, 0.7)' in constants
    assert 'Input("label", "label", listOf(), 10, 0.0, 0.0, 0.0)' in constants and "const val BATCH = 2" in constants
    assert (out / "app/src/main/assets/g.tflite").read_bytes() == made.read_bytes()


@pytest.mark.parametrize("kind", ["android", "triton"])
def test_another_backend_is_refused(kind, tmp_path):
    made = given(tmp_path, "null", ".null")
    assert run(["package", str(made), "--for", kind, "--out", str(tmp_path / "out")]) == 4
