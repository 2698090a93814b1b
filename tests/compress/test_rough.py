"""Compressing where things are not as they should be: no home, a full disk, odd paths, two at once."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edgegan.core.cache import add_to_table, read_table
from edgegan.core.errors import OutputError
from tests.compress.conftest import MODEL

ROOT = Path(__file__).parents[2]
QUICK = (
    "--input",
    "latent:8x1x1",
    "--min-psnr",
    "10",
    "--calibration-samples",
    "16",
    "--fd-samples",
    "0",
    "--threads",
    "1",
)


def compressing(folder, *more, home=None, cache=None, target="mobile", out="out"):
    """A process that compresses the folder's generator, started there."""
    (folder / "subjects.py").write_text(MODEL.format(root=str(ROOT)))
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "EDGEGAN_CACHE")}
    environment |= {"HOME": str(home)} if home else {}
    environment |= {"EDGEGAN_CACHE": str(cache)} if cache else {}
    command = [sys.executable, "-m", "edgegan.cli.app", "compress", "subjects.py:latent", "--target", target]
    command += [*QUICK, "--out", str(out), *more]
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process, code=0):
    said, errors = process.communicate(timeout=300)
    assert process.returncode == code, said + errors
    assert "Traceback" not in errors and "fault of EdgeGAN" not in errors
    return said + errors


@pytest.mark.slow
def test_paths_with_spaces_and_letters_of_any_kind(tmp_path):
    folder = tmp_path / "a folder’s “näme” 生成"
    folder.mkdir()
    ended(compressing(folder, "--precision", "fp32", home=folder, out="öut put"))
    said = ended(
        subprocess.Popen(
            [sys.executable, "-m", "edgegan.cli.app", "inspect", folder / "öut put" / "g.tflite"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
    )  # fmt: skip
    assert (folder / "öut put" / "report.html").exists() and "size and SHA-256 of every file" in said


@pytest.mark.slow
@pytest.mark.parametrize("home", [None, "/proc/nobody"], ids=["no home", "a home that cannot be written"])
def test_without_a_home_to_write_to(home, tmp_path):
    said = ended(compressing(tmp_path, "--precision", "fp32", home=home, target="x86-cpu"))
    assert (tmp_path / "out" / "report.json").exists()
    assert home is None or "measurements were not kept" in said


def test_a_user_without_a_home_is_told_how_to_name_one(monkeypatch):
    monkeypatch.delenv("EDGEGAN_CACHE")
    monkeypatch.setattr(
        Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("Could not determine home directory."))
    )
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert read_table("forms") == {}
    with pytest.raises(OutputError, match="EDGEGAN_CACHE"):
        add_to_table("forms", {"a": {"b": 1}})


def test_what_two_processes_measure_at_once_is_kept_of_both(tmp_path):
    code = (
        "import sys; from edgegan.core.cache import add_to_table\n"
        "for i in range(50): add_to_table('t', {'row': {f'{sys.argv[1]}{i}': i}})"
    )
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda name: subprocess.run(
                    [sys.executable, "-c", code, name], check=True, env=os.environ | {"EDGEGAN_CACHE": str(tmp_path)}
                ),
                "abcd",
            )
        )
    table = json.loads((tmp_path / "t.json").read_text())
    assert len(table["row"]) == 200


@pytest.fixture
def small_disk(tmp_path):
    """``small_disk(kib)`` makes a file system of that size, or changes it."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def sized(kib):
        how = "remount,size" if os.path.ismount(folder) else "size"
        command = ["mount", "-t", "tmpfs", "-o", f"{how}={kib}k", "tmpfs", str(folder)]
        if (
            os.geteuid() != 0
            or shutil.which("mount") is None
            or subprocess.run(command, capture_output=True).returncode
        ):
            pytest.skip("mounting a small file system needs root")
        return folder

    yield sized
    if os.path.ismount(folder):
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_a_disk_that_fills_at_any_write_is_named_and_the_run_goes_on_when_it_has_room(small_disk, tmp_path):
    whole = small_disk(1 << 16)
    ended(compressing(tmp_path, home=tmp_path, cache=tmp_path / "cache", out=whole / "out", target="jetson-orin"))
    wanted = (whole / "out" / "g.edgegan").read_bytes()
    taken = sum(file.stat().st_size for file in whole.rglob("*") if file.is_file()) // 1024
    shutil.rmtree(whole / "out")
    for share in (0.02, 0.5):
        small_disk(max(8, int(share * taken)))
        process = compressing(
            tmp_path, home=tmp_path, cache=tmp_path / "cache", out=whole / "out", target="jetson-orin"
        )
        assert re.search(r"disk is full|No space left", ended(process, 2))
        assert not list(whole.rglob("*.part*"))
    small_disk(1 << 16)
    ended(compressing(tmp_path, home=tmp_path, cache=tmp_path / "cache", out=whole / "out", target="jetson-orin"))
    assert (whole / "out" / "g.edgegan").read_bytes() == wanted


@pytest.mark.slow
def test_ctrl_c_twice_ends_it_at_once(tmp_path):
    process = compressing(tmp_path, "--prune", "0.25", "--distill-steps", "100000", home=tmp_path)
    end = time.time() + 120
    while not (tmp_path / "out" / "stages" / "distil.pt").exists() and process.poll() is None and time.time() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said = ended(process, 130)
    assert "resume" in said


def test_durations_are_of_a_clock_that_does_not_jump():
    """Wall clocks are for dates alone."""
    wall = re.compile(r"time\.time\(\)|datetime\.utcnow")
    files = (ROOT / "edgegan").rglob("*.py")
    assert [
        f"{file.name}: {line}" for file in files for line in file.read_text().splitlines() if wall.search(line)
    ] == []
