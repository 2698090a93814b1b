import subprocess
import sys

import pytest

from edgegan.core.errors import OutputError
from edgegan.core.stage import StageStore


def test_a_store_of_other_inputs_is_refused_by_what_differs(tmp_path):
    StageStore(tmp_path / "stages", {"seed": 0, "prune": 0.5}).open()
    StageStore(tmp_path / "again", {"seed": 0}).open()
    code = f"from pathlib import Path; from edgegan.core.stage import StageStore; StageStore(Path({str(tmp_path / 'again')!r}), {{'seed': 1}}).open()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "seed differ" in done.stderr or "in use" in done.stderr


def test_a_store_in_use_is_refused_until_it_is_let_go(tmp_path):
    holder = StageStore(tmp_path, {"seed": 0})
    holder.open()
    with pytest.raises(OutputError, match="in use"):
        StageStore(tmp_path, {"seed": 0}).open()
    del holder
    StageStore(tmp_path, {"seed": 0}).open()


def test_a_stage_is_done_when_its_json_is_there(tmp_path):
    store = StageStore(tmp_path, {})
    assert store.read("prune") is None
    store.write("prune", {"notes": []})
    assert store.read("prune") == {"notes": []}
    store.path("prune.json").write_text("{")
    with pytest.raises(OutputError, match="damaged"):
        store.read("prune")
