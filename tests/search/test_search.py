"""A study over a tiny generator, from the command line: stopped, taken up again, refused, picked from."""

import json
from dataclasses import replace

import optuna
import pytest

from edgegan.cli.app import run
from edgegan.core.progress import Silent
from edgegan.runtime import load
from edgegan.search import study
from edgegan.search.front import dominates
from edgegan.search.study import Search
from tests.compress.conftest import model, options
from tests.validation import validate

__all__ = ["model", "options"]


@pytest.fixture
def wanted(model, tmp_path):
    """A search's command line for so many trials."""

    def arguments(trials, *more):
        return [
            "search", f"{model}:latent", "--input", "latent:8x1x1", "--target", "mobile", "--trials", str(trials),
            "--quality", "psnr", "--distill-steps", "16", "--min-psnr", "15", "--calibration-samples", "16",
            "--fd-samples", "0", "--threads", "1", "--out", str(tmp_path / "out"), *more,
        ]  # fmt: skip

    return arguments


@pytest.mark.slow
def test_a_search_stops_goes_on_and_gives_a_front(wanted, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(wanted(3)) == 0
    first = json.loads((out / "search.json").read_text())
    assert [t["number"] for t in first["trials"]] == [0, 1, 2]
    assert [t["params"]["prune"] for t in first["trials"][:2]] == [0.0, 0.5]
    capsys.readouterr()
    assert run(wanted(7, "--json")) == 0
    content = json.loads(capsys.readouterr().out)
    validate("search", content)
    assert content == json.loads((out / "search.json").read_text())
    assert content["trials"][:3] == first["trials"] and len(content["trials"]) == 7
    states = [t["state"] for t in content["trials"]]
    assert set(states) <= {"complete", "pruned", "failed"} and "pruned" in states
    whole = {t["number"]: (t["latency_ms"], t["psnr_db"]) for t in content["trials"] if t["state"] == "complete"}
    for number, values in whole.items():
        assert any(dominates(other, values) for other in whole.values()) is (number not in content["front"])
    for trial in content["trials"]:
        assert all(trial[key] is not None or trial[f"{key}_reason"] for key in ("latency_ms", "psnr_db", "fd_lite0"))
    assert '"kind": "search"' in (out / "search.html").read_text()

    number = content["front"][0]
    assert run(wanted(7, "--pick", str(number))) == 0
    chosen = next(t for t in content["trials"] if t["number"] == number)
    with load(out / "g.tflite") as gen:
        assert gen.manifest.content["precision"] == chosen["params"]["precision"]
        assert gen.sample(1).shape == (1, 16, 16, 3)
    assert run(wanted(7, "--pick", "77")) == 2
    assert "--pick 77" in capsys.readouterr().err
    assert run(wanted(7, "--seed", "5")) == 2
    assert "study of another model, target, data" in capsys.readouterr().err


@pytest.mark.slow
def test_two_machines_share_a_study(options, tmp_path):
    storage = f"sqlite:///{tmp_path / 'shared.db'}"
    few = replace(options, distill_steps=4, fd_samples=0, min_psnr=10)
    for name, trials in (("one", 2), ("other", 3)):
        found = study.run(Search(replace(few, out=tmp_path / name), trials, "latency_ms", "psnr_db", storage), Silent())
        assert len(found) == trials
    shared = optuna.load_study(study_name="edgegan", storage=storage)
    assert len(shared.trials) == 3


def test_a_storage_that_is_none_is_refused(wanted, capsys):
    assert run(wanted(1, "--storage", "nonsense://here")) == 2
    assert "--storage nonsense://here" in capsys.readouterr().err
    assert run([*wanted(1)[:-2], "--quality", "taste"]) == 2
