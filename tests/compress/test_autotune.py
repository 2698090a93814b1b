"""Layer forms measured on a real runtime, kept in a table, and used."""

import json

import pytest

from edgegan.compress import autotune
from edgegan.core.cache import cache_folder
from edgegan.graph.check import Reference
from edgegan.graph.editing import TRANSPOSED, is_call
from edgegan.graph.rewrite import rewrite


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEGAN_CACHE", str(tmp_path / "cache"))


def test_forms_are_measured_once_and_composed(dcgan_graph, tmp_path, monkeypatch):
    native = rewrite(dcgan_graph, "native").value
    choice = autotune.autotune(native, "onnxruntime", 1, tmp_path / "work")
    assert len(choice.milliseconds) == 2 and all(set(row) == {"native", "stacked"} and min(row.values()) > 0 for row in choice.milliseconds.values())
    (table,) = json.loads((cache_folder() / "forms.json").read_text()).values()
    assert set(table) == set(choice.keys.values())
    monkeypatch.setattr(autotune, "_measure", lambda *_: pytest.fail("measured again"))
    assert autotune.autotune(native, "onnxruntime", 1, tmp_path / "work") == choice
    int8 = autotune.forms_graph(native, choice, "onnxruntime", False, Reference(dcgan_graph)).value
    assert not any(is_call(n, *TRANSPOSED) for n in int8.module.graph.nodes)
    assert all(form in note for note, form in zip(choice.notes(), choice.forms().values(), strict=True))


def test_a_damaged_table_is_measured_again(dcgan_graph, tmp_path):
    cache_folder().mkdir(parents=True)
    (cache_folder() / "forms.json").write_text("{")
    assert autotune.autotune(rewrite(dcgan_graph, "native").value, "onnxruntime", 1, tmp_path / "work").milliseconds


def test_a_cache_that_cannot_be_written_is_said(dcgan_graph, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEGAN_CACHE", "/proc/nowhere")
    choice = autotune.autotune(rewrite(dcgan_graph, "native").value, "onnxruntime", 1, tmp_path / "work")
    assert choice.milliseconds and "not kept" in choice.notes()[0]


@pytest.mark.slow
def test_a_form_that_the_converter_refuses_is_not_chosen(cyclegan_graph, tmp_path):
    """litert-torch has no transposed convolution with output padding."""
    choice = autotune.autotune(rewrite(cyclegan_graph, "native").value, "litert", 1, tmp_path / "work")
    (row,), (form,) = choice.milliseconds.values(), choice.forms().values()
    assert row["native"] is None and min(row["stacked"], row["split"]) > 0 and form == min(("stacked", "split"), key=row.__getitem__)
    assert "native does not run" in choice.notes()[0]
