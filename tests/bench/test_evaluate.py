"""Evaluating generators: the right figures, their spread, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from edgegan.bench.drawing import Drawer
from edgegan.bench.evaluate import _draw, _summary, evaluate
from edgegan.bench.real_pictures import of_array, open_pictures
from edgegan.cli.app import run
from edgegan.core.errors import MissingPackageError, UsageError
from edgegan.core.images import write_png
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
    figures = [
        evaluate(d, of_array(photos), 40, [0, 1], network, "lite0", Silent())["figures"] for d in (perfect, ruined)
    ]
    assert figures[0].keys() == {"fd_lite0", "kid_lite0", "precision_lite0", "recall_lite0", "is_lite0"}
    assert (
        figures[0]["fd_lite0"]["mean"] < figures[1]["fd_lite0"]["mean"]
        and figures[0]["precision_lite0"]["mean"] > figures[1]["precision_lite0"]["mean"]
    )
    with pytest.raises(UsageError, match="at least 16"):
        evaluate(perfect, of_array(photos[:5]), 40, [0], network, "lite0", Silent())


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


def test_pictures_are_drawn_in_pieces_that_do_not_depend_on_how_many(photos):
    spec = GeneratorSpec(inputs=(*SPEC.inputs, TensorSpec(name="z", kind="latent", shape=(4,))))
    seen = []

    def draw(values):
        seen.append(len(values["x"]))
        return values["x"] * 0.5 + values["z"][:, :3, None, None] * 0.1

    drawer = Drawer("both", spec, draw, images=photos)
    many, fewer = (np.concatenate(list(_draw(drawer, count, 7))) for count in (1050, 1010))
    assert len(many) == 1050 and np.array_equal(many[:1010], fewer) and max(seen) <= 32
    assert not np.array_equal(many[:50], many[1000:])


def test_a_folder_is_read_as_it_is_asked_for_and_broken_pictures_are_left_out(tmp_path, photos):
    for index in range(20):
        write_png(tmp_path / f"{index:02}.png", photos[index])
    pictures = open_pictures(tmp_path, (16, 16), 3)
    before = pictures.digest(range(20))
    assert np.array_equal(np.concatenate(list(pictures.batches(range(20), 8))), photos[:20])
    (tmp_path / "03.png").write_bytes(b"no picture")
    assert len(np.concatenate(list(pictures.batches(range(20), 8)))) == 19 and pictures.digest(range(20)) != before
    for index in range(5):
        (tmp_path / f"{index:02}.png").write_bytes(b"no picture")
    with pytest.raises(UsageError, match="cannot be read, first 0"):
        list(pictures.batches(range(20), 8))


def test_too_few_pictures_for_a_covariance_are_told(photos):
    class Few:
        num_features, digest = 64, "few"

        def __call__(self, images):
            return images.float().flatten(1)[:, :64]

        def logits(self, features):
            return features

    drawer = Drawer("same", SPEC, lambda values: values["x"], images=photos)
    assert "needs more pictures" in evaluate(drawer, of_array(photos), 40, [0], Few(), "lite0", Silent())["warnings"][0]
    enough = of_array(np.concatenate([photos, photos]))
    assert evaluate(drawer, enough, 80, [0], Few(), "lite0", Silent())["warnings"] == []
