"""Evaluating generators: the right figures, their spread, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from edgegan.bench.drawing import Drawer
from edgegan.bench.evaluate import _summary, evaluate
from edgegan.cli.app import run
from edgegan.core.errors import MissingPackageError, UsageError
from edgegan.core.progress import Silent
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.metrics.features import InceptionFeatures, Lite0Features

SPEC = GeneratorSpec(inputs=(TensorSpec(name="x", kind="image", shape=(3, 16, 16), range=(-1.0, 1.0)),))


def test_an_interval_over_seeds_is_students():
    values = [3.0, 4.0, 3.5, 5.0]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert _summary(values)["ci95"] == pytest.approx([low, high])
    assert _summary([3.0])["ci95"] is None and _summary([3.0])["ci95_reason"]


@pytest.mark.slow
def test_a_perfect_translation_is_nearer_than_a_ruined_one(photos):
    network = Lite0Features()
    perfect = Drawer("perfect", SPEC, lambda values: values["x"], images=photos)
    ruined = Drawer("ruined", SPEC, lambda values: np.clip(3 * values["x"], -1, 1), images=photos)
    figures = [evaluate(d, photos, 40, [0, 1], network, "lite0", Silent())["figures"] for d in (perfect, ruined)]
    assert figures[0].keys() == {"fd_lite0", "kid_lite0", "precision_lite0", "recall_lite0", "is_lite0"}
    assert (
        figures[0]["fd_lite0"]["mean"] < figures[1]["fd_lite0"]["mean"]
        and figures[0]["precision_lite0"]["mean"] > figures[1]["precision_lite0"]["mean"]
    )
    with pytest.raises(UsageError, match="at least 16"):
        evaluate(perfect, photos[:5], 40, [0], network, "lite0", Silent())


@pytest.mark.slow
def test_the_commands_over_a_zoo_model(tmp_path, capsys):
    assert run(["evaluate", "fashion-dcgan", "--samples", "32", "--seeds", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seeds"] == [0, 1] and len(found["figures"]["fd_lite0"]["values"]) == 2 and found["samples"] == 32
    assert run(["show", "fashion-dcgan", "--samples", "24", "--out", str(tmp_path), "--json"]) == 0
    pictures = json.loads(capsys.readouterr().out)
    assert {n for n, row in pictures.items() if row["file"]} == {
        "grid",
        "interpolation",
        "animation",
        "directions",
        "map",
    }
    assert pictures["classes"] == {"file": None, "file_reason": "there is no class input"}
    assert all((tmp_path / row["file"]).stat().st_size > 1000 for row in pictures.values() if row["file"])


def test_fid_needs_inceptions_weights(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        InceptionFeatures(tmp_path / "weights.pth")
    (tmp_path / "weights.pth").write_bytes(b"")
    with pytest.raises(MissingPackageError, match=r"edgegan\[inception\]"):
        InceptionFeatures(Path(tmp_path / "weights.pth"))


def test_a_generator_without_real_pictures_asks_for_them(null_artifact, capsys):
    assert run(["evaluate", str(null_artifact)]) == 2
    assert "pass --data" in capsys.readouterr().err
