"""A program that speaks adb's command line stands for a phone: what is pushed is run here, below a folder."""

import json
import os
import stat
import sys
from dataclasses import replace

import pytest

from edgegan.cli.app import run
from edgegan.core.errors import DeviceError, UsageError
from edgegan.remote.adb import Bench, Phone, parse_phone, statistics
from tests.compress.conftest import model, options

__all__ = ["model", "options"]

ADB = """#!{python}
import os, shutil, subprocess, sys
ROOT, SERIAL = {root!r}, "R58M123"
flag, serial, verb, *rest = sys.argv[1:]
assert flag == "-s"
with open(os.path.join(ROOT, "calls"), "a") as log:
    log.write(" ".join([verb, *rest]) + "\\n")
if serial != SERIAL:
    sys.exit(f"adb: device '{{serial}}' not found")
if verb == "get-state":
    print(os.environ.get("PHONE_STATE", "device"))
elif verb == "push":
    shutil.copy(rest[0], ROOT + rest[1])
elif rest[0].startswith("getprop"):
    print({{"getprop ro.product.model": "Pixel", "getprop ro.product.cpu.abi": "arm64-v8a"}}[rest[0]])
else:
    command = rest[0].replace("/data/local", ROOT + "/data/local")
    sys.exit(subprocess.run(["/bin/sh", "-c", command]).returncode)
"""
BENCHMARK = """#!{python}
import os, sys
graph = next(a for a in sys.argv if a.startswith("--graph=")).split("=", 1)[1]
size = os.path.getsize(graph)
print("INFO: STARTING!")
print("INFO: count=9 first=900 curr=1 min=1 max=2 avg=3.5 std=1 p5=1 median=9 p95=9")
told = f"avg={{size * 1.1}} std={{size * .1}} p5=1 median={{size}} p95={{size * 1.5}}"
print(f"INFO: count=152 first={{size}} curr={{size}} min=1 max=9e6 {{told}}")
print("INFO: Inference timings in us: Init: 1, First inference: 2, Warmup (avg): 3, Inference (avg): 4")
"""


@pytest.fixture
def phone(tmp_path, monkeypatch):
    """adb on the path, and a benchmark_model whose times are sizes: a microsecond a byte."""
    root, programs = tmp_path / "phone", tmp_path / "bin"
    (root / "data/local/tmp").mkdir(parents=True)
    programs.mkdir()
    for name, text in (("adb", ADB), ("benchmark_model", BENCHMARK)):
        (programs / name).write_text(text.format(python=sys.executable, root=str(root)))
        (programs / name).chmod(0o755 | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return root, programs / "benchmark_model"


def test_an_artifact_is_pushed_timed_and_removed(phone, tmp_path):
    root, program = phone
    artifact = tmp_path / "g with space.tflite"
    artifact.write_bytes(b"x" * 5000)
    bench = Bench(Phone("R58M123"), program)
    latency = bench.latency_ms(artifact, 4)
    assert latency["p50"] == 5.0 and latency["mean"] == pytest.approx(5.5) and latency["p95"] == 7.5
    assert latency["count"] == 152 and latency["cv"] == pytest.approx(1 / 11)
    assert latency["p99"] is None and "median and p95 alone" in latency["percentiles_reason"]
    assert bench.describe() == "adb://R58M123: Pixel, arm64-v8a"
    assert not list((root / "data/local/tmp/edgegan").glob("*.tflite"))
    assert "--num_threads=4" in (root / "calls").read_text()


def test_what_a_phone_may_answer(phone, tmp_path, monkeypatch):
    _, program = phone
    with pytest.raises(DeviceError, match="device 'other' not found"):
        Bench(Phone("other"), program)
    with pytest.raises(UsageError, match="no such file"):
        Bench(Phone("R58M123"), tmp_path / "nothing")
    monkeypatch.setenv("PHONE_STATE", "unauthorized")
    with pytest.raises(DeviceError, match="unauthorized; unlock it"):
        Bench(Phone("R58M123"), program)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="adb is not installed"):
        Bench(Phone("R58M123"), program)


@pytest.mark.parametrize(
    "told", ["", "Segmentation fault", "count=3 avg=nothing", "count=3 first=1 avg=0 std=0 median=0"]
)
def test_what_is_no_statistics_is_refused(told):
    with pytest.raises(DeviceError, match="printed no statistics"):
        statistics(told)


@pytest.mark.parametrize("text", ["adb://", "adb://-s", "adb://a b", "adb:R58", "adb://$(reboot)"])
def test_serials(text):
    with pytest.raises(UsageError, match="adb devices lists"):
        parse_phone(text)
    assert parse_phone("adb://192.168.1.5:5555").serial == "192.168.1.5:5555"


@pytest.mark.slow
def test_the_phone_chooses(phone, options, tmp_path, capsys):
    _, program = phone
    given = replace(options, precision="auto")
    command = [
        "compress", given.model, "--input", "latent:8x1x1", "--target", "mobile", "--min-psnr", "18", "--threads", "1",
        "--calibration-samples", "16", "--fd-samples", "0", "--out", str(tmp_path / "o"), "--json",
    ]  # fmt: skip
    assert run([*command, "--device", "adb://R58M123"]) == 2
    assert "--benchmark-model PATH" in capsys.readouterr().err
    assert run([*command, "--device", "adb://R58M123", "--benchmark-model", str(program)]) == 0
    report = json.loads(capsys.readouterr().out)
    timed = {row["name"]: row for row in report["candidates"]}
    sizes = {name: row["bytes"] / 1e3 for name, row in timed.items() if row["bytes"]}
    assert {name: row["latency_ms"]["p50"] for name, row in timed.items()} == pytest.approx(sizes)
    assert report["result"]["bytes"] == min(row["bytes"] for row in timed.values() if row["passed"])
    notes = [note for stage in report["stages"] for note in stage["notes"]]
    assert any("timed on adb://R58M123: Pixel" in note for note in notes)
