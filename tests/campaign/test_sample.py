"""A sample of what ``make campaign`` does for hours: some hundred files, two kills, some seconds of siege."""

import pytest

from tests.campaign import run, seeds
from tests.campaign.kills import JOBS, interrupted
from tests.campaign.soak import SAMPLES, enlarge_me, soak
from tests.conftest import LATENT, PHOTO, make_null

CASES = 150


@pytest.mark.slow
def test_mutated_files_are_taken_or_refused(tmp_path):
    seeds.make(tmp_path)
    rows = list(run.run(tmp_path, 1, range(CASES)))
    assert [row for row in rows if row["outcome"] in run.BAD] == []
    refused = sum(row["outcome"] == "refused" for row in rows)
    assert len(rows) == CASES and refused > CASES / 2 and {row["kind"] for row in rows} == set(run.KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["distil", "train"])
def test_a_killed_run_ends_with_the_same_artifact(name, tmp_path):
    assert list(interrupted(JOBS[name], 1, 5, tmp_path)) == [None]


@pytest.mark.slow
@pytest.mark.parametrize(("spec", "question"), [(LATENT, SAMPLES), (PHOTO, enlarge_me())], ids=["latent", "picture"])
def test_the_service_survives_a_siege(spec, question, tmp_path):
    answers, memory, wrong = soak(make_null(tmp_path / "g.null", spec), 6, question)
    assert wrong == [] and memory
    assert answers["honest"]["200"]
    assert set(answers["hostile JSON"]) <= {"200", "400", "413", "422", "503"} and answers["hostile JSON"]["422"]
    assert not {"200", "500"} & set(answers["bomb"])
