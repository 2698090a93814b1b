import re
from dataclasses import fields

import pytest

from edgegan.core.errors import UsageError
from edgegan.core.target import Target, folder, load_target, names

GOOD = 'description = "a"\nruntimes = ["litert"]\nprecisions = ["fp32"]\nruns_here = false\n'


@pytest.mark.parametrize("name", names())
def test_every_shipped_target_reads(name):
    target = load_target(name)
    assert target.name == name and target.description


def test_the_readme_explains_every_key():
    text = (folder() / "README.md").read_text()
    explained = set(re.findall(r"^\| `(\w+)` \|", text, re.M))
    assert explained == {f.name for f in fields(Target)} - {"name"}


def test_a_file_of_the_same_form(tmp_path):
    (tmp_path / "mine.toml").write_text(GOOD)
    assert load_target(str(tmp_path / "mine.toml")).runtime == "litert"


@pytest.mark.parametrize(
    "change,told",
    [("watts = 3\n", "watts"), ('build = "moon"\n', "moon"), ("power = [\n", "TOML"), ('power = "sun"\n', "sun")],
)
def test_what_is_unknown_is_refused(tmp_path, change, told):
    (tmp_path / "mine.toml").write_text(GOOD + change)
    with pytest.raises(UsageError, match=told):
        load_target(str(tmp_path / "mine.toml"))


def test_values_are_checked(tmp_path):
    (tmp_path / "mine.toml").write_text(GOOD.replace('["fp32"]', '["fp31"]'))
    with pytest.raises(UsageError, match="fp31"):
        load_target(str(tmp_path / "mine.toml"))
    (tmp_path / "rtx.toml").write_text(GOOD.replace("litert", "tensorrt-rtx"))
    with pytest.raises(UsageError, match="compute_capability"):
        load_target(str(tmp_path / "rtx.toml"))


def test_a_near_miss_is_corrected():
    with pytest.raises(UsageError, match="jetson-orin"):
        load_target("jetson-orion")
