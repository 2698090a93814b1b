"""Layer-wise comparison: counterparts by value, in both formats, and the first layer that differs."""

import json

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from edgegan.bench.activations import activations
from edgegan.bench.comparison import compare, first_below, snr_db
from edgegan.cli.app import run
from edgegan.core.errors import TargetError
from edgegan.core.manifest import describe, write_manifest
from edgegan.core.sampling import sample_inputs
from edgegan.export.litert import export_litert
from edgegan.export.onnx import export_onnx
from edgegan.graph.rewrite import rewrite
from edgegan.quantize import litert


@given(st.integers(0, 2**16), st.floats(0.001, 1))
def test_the_ratio_is_energy_over_error(seed, noise):
    rng = np.random.default_rng(seed)
    values = rng.normal(3, 2, 1000)
    other = values + noise
    assert snr_db(values, other) == pytest.approx(10 * np.log10(values.var() / noise**2), abs=1e-6)
    assert snr_db(values, values) == 200.0


def test_counterparts_are_found_in_either_layout_and_in_order():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(1, 3, 4, 5)), rng.normal(size=(1, 6))
    rows = compare(
        [("a", a), ("flat", np.zeros(4)), ("b", b), ("mine", rng.normal(size=(1, 3, 4, 5)))],
        [("x", a.transpose(0, 2, 3, 1)), ("y", b + 0.01), ("z", rng.normal(size=(2, 2)))],
    )
    assert [(r.tensor, r.counterpart) for r in rows] == [("a", "x"), ("b", "y"), ("mine", None)]
    assert rows[0].snr_db == 200 and 30 < rows[1].snr_db < 50 and rows[2].snr_db is None


@pytest.fixture
def float_onnx(dcgan_graph, tmp_path):
    path = export_onnx(rewrite(dcgan_graph, "native").value, tmp_path / "float.onnx")
    write_manifest(
        path,
        describe(
            artifact=path,
            backend="onnxruntime",
            backend_version="",
            target="x86-cpu",
            precision="fp32",
            spec=dcgan_graph.spec,
            output_shape=(3, 16, 16),
            batch=1,
            model="tiny",
            weights_sha256="0" * 64,
            build={},
        ),
    )
    return path


def test_every_tensor_of_an_onnx_file_is_what_onnx_runtime_computes(float_onnx, dcgan_graph):
    inputs = sample_inputs(dcgan_graph.spec.inputs, 1, 0)
    found = list(activations(float_onnx, inputs))
    wanted = ort.InferenceSession(str(float_onnx), providers=["CPUExecutionProvider"]).run(None, inputs)[0]
    assert len(found) >= 5 and np.allclose(found[-1][1], wanted, atol=1e-5)


def test_the_layer_that_was_broken_is_named(float_onnx, dcgan_graph, tmp_path, capsys):
    model = onnx.load(float_onnx)
    second = [node for node in model.graph.node if node.op_type == "ConvTranspose"][1]
    weights = next(t for t in model.graph.initializer if t.name == second.input[1])
    broken = numpy_helper.to_array(weights).copy()
    broken[:, :4] *= 0.5
    weights.CopyFrom(numpy_helper.from_array(broken, weights.name))
    onnx.save(model, tmp_path / "broken.onnx")
    assert run(["compare", str(float_onnx), str(tmp_path / "broken.onnx"), "--threshold", "30", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["first_below"] == second.output[0]
    assert found["tensors"][0]["snr_db"] > 100


@pytest.mark.slow
def test_an_int8_litert_file_beside_the_float_one(float_onnx, dcgan_graph, tmp_path):
    ready = rewrite(dcgan_graph, "phase-nhwc").value
    export_litert(ready.module, ready.example_inputs(), tmp_path / "float.tflite")
    samples = [list(sample_inputs(dcgan_graph.spec.inputs, 1, seed).values()) for seed in range(16)]
    litert.quantize(
        tmp_path / "float.tflite", litert.observe(tmp_path / "float.tflite", samples), tmp_path / "g.tflite"
    )
    inputs = sample_inputs(dcgan_graph.spec.inputs, 1, 99)
    rows = compare(activations(float_onnx, inputs), activations(tmp_path / "g.tflite", inputs))
    known = [row for row in rows if row.snr_db is not None]
    assert len(known) >= 2 and 20 < known[-1].snr_db < 60 and rows[-1].counterpart is not None
    assert first_below(rows, 15) is None and first_below(rows, 190) is not None


def test_what_cannot_be_opened_is_told(null_artifact, tmp_path, capsys):
    with pytest.raises(TargetError, match=r"takes \.onnx and \.tflite"):
        activations(null_artifact, {})
    assert run(["compare", str(tmp_path / "a.onnx"), str(null_artifact)]) == 2
    (tmp_path / "b.onnx").write_bytes(b"")
    (tmp_path / "c.onnx").write_bytes(b"")
    assert run(["compare", str(tmp_path / "b.onnx"), str(tmp_path / "c.onnx")]) == 2
    assert "manifest" in capsys.readouterr().err
