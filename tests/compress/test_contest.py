"""What of a large network is built: backends in the order of their speed, none that cannot win."""

from dataclasses import replace

import pytest

from edgegan.compress import autotune, candidates
from edgegan.compress.bounds import Bounds
from edgegan.compress.forms import Forms, forms
from edgegan.compress.pipeline import run
from edgegan.compress.plan import graph_name
from edgegan.compress.subject import load_subject
from edgegan.core.stage import StageStore
from edgegan.core.target import load_target
from edgegan.graph import cost


@pytest.fixture
def options(options, tmp_path, monkeypatch):
    """Of a network that counts as large."""
    monkeypatch.setattr(cost, "LARGE", 0)
    monkeypatch.setenv("EDGEGAN_CACHE", str(tmp_path / "cache"))
    return replace(options, target=load_target("x86-cpu"), fd_samples=0)


@pytest.mark.slow
def test_backends_that_cannot_win_are_not_built_and_a_second_run_knows_it(options, monkeypatch):
    monkeypatch.setattr(candidates, "bounds", lambda *_: Bounds({"openvino": 9e9, "litert": 8e9, "onnxruntime": 1.0}))
    options = replace(options, precision="int8")
    report = run(options).content
    assert {row["backend"] for row in report["candidates"]} == {"onnxruntime"} and report["result"]["passed"]
    notes = [note for stage in report["stages"] for note in stage["notes"] if "not built: all in int8" in note]
    assert [note.split("-")[0] for note in notes] == ["litert", "openvino"]
    assert all("onnxruntime-auto-int8 holds 18 dB" in note for note in notes)
    monkeypatch.setattr(candidates, "_contest", lambda *_: pytest.fail("held anew"))
    again = run(options).content
    assert again["candidates"] == report["candidates"]
    monkeypatch.undo()
    monkeypatch.setattr(cost, "LARGE", 0)
    run(replace(options, precision="auto"))
    kept = {file.name for file in (options.out / "stages").glob("built-*")}
    assert kept == {"built-int8-18.json", "built-auto-18.json"}


@pytest.mark.slow
def test_all_in_int8_is_timed_before_anything_is_calibrated_with_care(options):
    run(options)
    found = StageStore(options.out / "stages", _any_identity(options)).read("bounds")
    assert set(found["int8"]) == {"onnxruntime", "openvino", "litert"} and 0 < found["float_ms"] < 1e3
    assert all(0 < ms < 1e3 for ms in found["int8"].values())
    assert not (options.out / "stages" / "candidates" / "hasty").exists()


def test_forms_of_a_large_network_are_composed_when_they_are_asked_for(options, tmp_path, monkeypatch):
    tuned = []

    def choice(native, backend, precision, *_):
        tuned.append((backend, precision))
        return autotune.Choice({site.node: {} for site in autotune.sites(native)}, {}, warning="told")

    monkeypatch.setattr("edgegan.compress.forms.autotune", choice)
    made = forms(load_subject(options).graph, options, StageStore(tmp_path / "stages", {})).value
    name = graph_name("openvino", "auto", "int8")
    assert name in made and "auto-nothing" not in made and isinstance(made, Forms) and not tuned
    assert made[name] is made[name] and tuned == [("openvino", "int8")] and made.notes == [f"{name}: told"]


def _any_identity(options):
    subject = load_subject(options)
    return options.identity(subject.fingerprint, None)
