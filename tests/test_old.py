"""What earlier versions wrote is read for ever: ``old/`` has an artifact, a report and figures by the day of the code
that made them."""

import json
import shutil
from pathlib import Path

import pytest

from edgegan.bench.gate import read_baseline, regressions
from edgegan.cli.app import run
from edgegan.runtime import load

FOLDERS = sorted((Path(__file__).parent / "old").iterdir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_artifacts_reports_and_figures_of_earlier_versions_are_read(folder, tmp_path, capsys):
    with load(folder / "g.null") as generator:
        assert generator.sample(2, seed=0).shape == (2, 16, 16, 3)
    figures = json.loads((folder / "bench.json").read_text())
    assert regressions(figures, read_baseline(folder / "bench.json"), 0.05)
    assert regressions(read_baseline(folder / "report.json"), read_baseline(folder / "report.json"), 0.05)
    shutil.copy(folder / "report.json", tmp_path / "report.json")
    assert run(["report", str(tmp_path), "--out", str(tmp_path / "page.html")]) == 0
    assert json.loads((folder / "report.json").read_text())["result"]["name"] in (tmp_path / "page.html").read_text()


def test_there_are_old_ones():
    assert len(FOLDERS) >= 2
