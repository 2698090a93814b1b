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


def blocks() -> list[str]:
    return re.findall(r"<!-- runnable -->\n```(?:bash|sh)\n(.*?)```", (ROOT / "README.md").read_text(), re.S)


@pytest.mark.slow
@pytest.mark.parametrize("block", blocks())
def test_the_readmes_commands_run(block, tmp_path):
    environment = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "block", re.findall(r"<!-- runnable -->\n```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
)
def test_the_readmes_python_runs(block, tmp_path):
    done = subprocess.run(
        [BIN / "edgegan", "compress", "--target", "mobile", "--precision", "int8", "--fd-samples", "0", "--out", "out"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_calibration_data_is_what_its_page_says():
    import hashlib

    page = (ROOT / "calibration_data" / "README.md").read_text()
    for file in (ROOT / "calibration_data").glob("*.npz"):
        assert hashlib.sha256(file.read_bytes()).hexdigest() in page


def test_the_readmes_figures_are_the_benchmarks_results():
    from benchmarks.table import filled

    text = (ROOT / "README.md").read_text()
    assert filled(text) == text
