"""Layer forms measured on a real runtime, kept in a table, and used."""

import json

import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgegan.compress import autotune
from edgegan.core.cache import cache_folder
from edgegan.graph.check import Reference
from edgegan.graph.editing import is_call
from edgegan.graph.operators import TRANSPOSED
from edgegan.graph.rewrite import rewrite


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEGAN_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_forms_are_measured_once_and_composed(precision, dcgan_graph, tmp_path, monkeypatch):
    """ONNX Runtime has no int8 transposed convolution, so there is nothing to choose there."""
    native = rewrite(dcgan_graph, "native").value
    choice = autotune.autotune(native, "onnxruntime", precision, 1, tmp_path / "work")
    assert len(choice.milliseconds) == 2
    assert all(
        row == {"stacked": None} if precision == "int8" else set(row) == {"native", "stacked"} and min(row.values()) > 0
        for row in choice.milliseconds.values()
    )
    (table,) = json.loads((cache_folder() / "forms.json").read_text()).values()
    assert set(table) == set(choice.keys.values())
    monkeypatch.setattr(autotune, "_measure", lambda *_: pytest.fail("measured again"))
    assert autotune.autotune(native, "onnxruntime", precision, 1, tmp_path / "work") == choice
    graph = autotune.forms_graph(native, choice, "onnxruntime", Reference(dcgan_graph)).value
    assert sum(is_call(n, *TRANSPOSED) for n in graph.module.graph.nodes) == list(choice.forms().values()).count(
        "native"
    )
    assert len(choice.notes()) == (2 if precision == "fp32" else 0) and all(
        form in note for note, form in zip(choice.notes(), choice.forms().values(), strict=False)
    )


def test_a_form_is_measured_in_the_precision_it_is_for(dcgan_graph, tmp_path):
    """OpenVINO has an int8 transposed convolution, and it is that which is timed."""
    choice = autotune.autotune(rewrite(dcgan_graph, "native").value, "openvino", "int8", 1, tmp_path / "work")
    assert all(set(row) == {"native", "stacked"} and None not in row.values() for row in choice.milliseconds.values())
    measured = [
        {n.op_type for n in onnx.load(file).graph.node} for file in (tmp_path / "work").rglob("openvino-int8/g.onnx")
    ]
    assert (
        len(measured) == 4
        and all("DequantizeLinear" in kinds for kinds in measured)
        and sum("ConvTranspose" in kinds for kinds in measured) == 2
    )


@pytest.mark.slow
def test_litert_measures_its_forms_in_int8(cyclegan_graph, tmp_path):
    choice = autotune.autotune(rewrite(cyclegan_graph, "native").value, "litert", "int8", 1, tmp_path / "work")
    (row,) = choice.milliseconds.values()
    assert set(row) == {"stacked", "split"} and min(row.values()) > 0
    for file in (tmp_path / "work").rglob("litert-int8/g.tflite"):
        assert np.int8 in {d["dtype"] for d in Interpreter(str(file)).get_tensor_details()}


def test_a_damaged_table_is_measured_again(dcgan_graph, tmp_path):
    cache_folder().mkdir(parents=True)
    (cache_folder() / "forms.json").write_text("{")
    assert autotune.autotune(
        rewrite(dcgan_graph, "native").value, "onnxruntime", "fp32", 1, tmp_path / "work"
    ).milliseconds


def test_a_cache_that_cannot_be_written_is_said(dcgan_graph, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEGAN_CACHE", "/proc/nowhere")
    choice = autotune.autotune(rewrite(dcgan_graph, "native").value, "onnxruntime", "fp32", 1, tmp_path / "work")
    assert choice.milliseconds and "not kept" in choice.notes()[0]


@pytest.mark.slow
def test_a_form_that_the_converter_refuses_is_not_chosen(cyclegan_graph, tmp_path):
    """litert-torch has no transposed convolution with output padding."""
    choice = autotune.autotune(rewrite(cyclegan_graph, "native").value, "litert", "fp32", 1, tmp_path / "work")
    (row,), (form,) = choice.milliseconds.values(), choice.forms().values()
    assert (
        row["native"] is None
        and min(row["stacked"], row["split"]) > 0
        and form == min(("stacked", "split"), key=row.__getitem__)
    )
    assert "native does not run" in choice.notes()[0]


def test_layers_of_little_work_in_a_large_network_are_not_measured(dcgan_graph, tmp_path, monkeypatch):
    """They take the form that every backend converts."""
    native = rewrite(dcgan_graph, "native").value
    everything = autotune.autotune(native, "onnxruntime", "fp32", 1, tmp_path / "work")
    monkeypatch.setattr(autotune, "is_large", lambda graph: True)
    monkeypatch.setattr(autotune, "SHARE", 2.0)
    choice = autotune.autotune(native, "onnxruntime", "fp32", 1, tmp_path / "work")
    assert choice.forms().keys() == everything.forms().keys() and set(choice.forms().values()) == {"stacked"}
    assert choice.notes() == []
