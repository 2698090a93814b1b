"""The schemas are those of the types, refuse what is wrong, and hold for what is really written."""

import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest

from edgegan.bench.against import quality
from edgegan.bench.single import bench
from edgegan.core.manifest import read_manifest
from tests.conftest import LATENT, PHOTO, make_null
from tests.validation import FOLDER, validate

DOCS = FOLDER.parent


def generator():
    """docs/schemas.py, which is a program, as a module."""
    spec = importlib.util.spec_from_file_location("schemas_docs", DOCS / "schemas.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_documentation_is_that_of_the_types():
    made = generator()
    assert (DOCS / "schemas.md").read_text() == made.markdown()
    assert {path.stem for path in FOLDER.glob("*.json")} == set(made.schemas.FILES)
    for name in made.schemas.FILES:
        schema = json.loads((FOLDER / f"{name}.json").read_text())
        assert schema == made.json_schema(name)
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("spec", [LATENT, PHOTO])
def test_a_manifest_is_what_the_schema_says(spec, tmp_path):
    content = read_manifest(make_null(tmp_path / "g.null", spec)).content
    validate("manifest", content)
    for wrong in (
        content | {"schema": 2},
        content | {"more": 1},
        {key: value for key, value in content.items() if key != "files"},
        content | {"inputs": [content["inputs"][0] | {"kind": "sound"}]},
        content | {"batch": {"min": 1}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            validate("manifest", wrong)


def test_figures_of_bench_are_what_the_schema_says(null_artifact, tmp_path):
    row = bench(null_artifact, threads=1, seconds=0.05, power_seconds=0)
    validate("bench", row | quality(null_artifact, None, None, 4))
    other = make_null(tmp_path / "other.null", LATENT)
    figures = quality(null_artifact, other, None, 4)
    assert figures["quality"]["psnr_db"] > 100
    validate("bench", row | figures | {"compared": [row]})


def test_nothing_imports_the_types_when_it_runs():
    """They need a package that the base install does not bring."""
    for path in Path(__file__).parents[1].joinpath("edgegan").rglob("*.py"):
        lines = path.read_text().splitlines()
        assert not [line for line in lines if line.startswith("from edgegan.core import schemas")], path
