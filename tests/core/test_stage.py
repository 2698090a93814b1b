import subprocess
import sys

import pytest

from edgegan.core.errors import OutputError
from edgegan.core.stage import StageStore


def test_a_store_of_other_inputs_is_refused_by_what_differs(tmp_path):
    with StageStore(tmp_path, {"seed": 0, "prune": 0.5}).claimed():
        pass
    with (
        pytest.raises(OutputError, match=r"\(prune, seed differ\)"),
        StageStore(tmp_path, {"seed": 1, "prune": 0.6}).claimed(),
    ):
        pass


CLAIM = (
    "import sys; from pathlib import Path; from edgegan.core.stage import StageStore\nwith "
    "StageStore(Path(sys.argv[1]), {'seed': 0}).claimed(): pass"
)


def test_a_store_in_use_is_refused_until_it_is_let_go(tmp_path):
    """By another process as by this one, and let go where the block ends in an error that somebody still holds."""

    def claim():
        return subprocess.run([sys.executable, "-c", CLAIM, str(tmp_path)], capture_output=True, text=True)

    store = StageStore(tmp_path, {"seed": 0})
    with pytest.raises(RuntimeError) as held, store.claimed():
        with pytest.raises(OutputError, match="in use"), StageStore(tmp_path, {"seed": 0}).claimed():
            pass
        assert "in use" in claim().stderr
        raise RuntimeError
    assert held.tb is not None and claim().returncode == 0


def test_a_stage_is_done_when_its_json_is_there(tmp_path):
    store = StageStore(tmp_path, {})
    assert store.read("prune") is None
    store.write("prune", {"notes": []})
    assert store.read("prune") == {"notes": []}
    store.path("prune.json").write_text("{")
    with pytest.raises(OutputError, match="damaged"):
        store.read("prune")
