"""The house as a whole: who imports whom, what the README promises, what importing costs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def test_rooms_import_downwards_only():
    done = subprocess.run([BIN / "lint-imports"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_compressing_names_no_backend_outside_their_files():
    named = re.compile("onnx ?runtime|openvino|litert|tflite|tensorrt", re.I)
    files = (ROOT / "edgegan" / "compress").glob("*.py")
    assert [f"{f.name}: {line}" for f in files for line in f.read_text().splitlines() if named.search(line)] == []


def test_the_wheel_holds_targets_data_weights_and_recipes(tmp_path):
    import zipfile

    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path, ROOT],
        capture_output=True,
        text=True,
    )
    if "hatchling" in done.stderr:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, ROOT],
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    for wanted in (
        "edgegan/targets/x86-cpu.toml",
        "edgegan/calibration_data/fashion_mnist_test_1k.npz",
        "edgegan/models/weights/fashion-dcgan.safetensors",
        "edgegan/train/recipes/fashion-dcgan.toml",
        "edgegan/report/page/page.html",
        "edgegan/package/site/edgegan.js",
        "edgegan/package/native/generator.hpp",
        "edgegan/package/kotlin/Generator.kt",
    ):
        assert wanted in names


def test_calibration_data_is_what_its_page_says():
    import hashlib

    page = (ROOT / "calibration_data" / "README.md").read_text()
    for file in (ROOT / "calibration_data").glob("*.npz"):
        assert hashlib.sha256(file.read_bytes()).hexdigest() in page


def test_the_figures_of_pages_are_the_benchmarks_results():
    from benchmarks.table import PAGES, filled

    for page in PAGES:
        assert filled(page) == page.read_text(), f"{page.name}: python -m benchmarks.table"


@pytest.mark.slow
def test_the_bill_of_materials_names_what_is_installed(tmp_path):
    import json
    from importlib.metadata import version

    made = [BIN / "cyclonedx-py", "environment", sys.executable, "--of", "JSON", "-o", tmp_path / "sbom.json"]
    subprocess.run(made, check=True, capture_output=True)
    found = {
        part["name"].lower(): part["version"] for part in json.loads((tmp_path / "sbom.json").read_text())["components"]
    }
    assert found["torch"] == version("torch") and found["numpy"] == version("numpy") and len(found) > 100


def test_every_pin_has_the_hash_of_its_file():
    pin = re.compile(r"^([\w.-]+)==([\w.]+)", re.M)
    pinned = dict(pin.findall((ROOT / "constraints-py311.txt").read_text()))
    hashed = dict(
        re.findall(
            r"^([\w.-]+)==([\w.]+)\S* --hash=sha256:[0-9a-f]{64}$", (ROOT / "hashes-py311.txt").read_text(), re.M
        )
    )
    assert {name.lower().replace("_", "-"): version for name, version in pinned.items()} == hashed, "make hashes"
