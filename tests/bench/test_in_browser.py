"""Artifacts timed in a real Chromium, and the target whose candidates are chosen there."""

import json
from dataclasses import replace

import pytest

from edgegan.bench import in_browser
from edgegan.cli.app import run
from edgegan.compress.pipeline import run as compress
from edgegan.core.errors import DeviceError
from edgegan.core.sampling import sample_inputs
from edgegan.core.target import load_target
from edgegan.graph.capture import capture
from tests.artifacts import artifact
from tests.browser import needs_browser
from tests.compress.conftest import model, options
from tests.conftest import LATENT
from tests.package.test_browser import archives
from tests.subjects import TinyDcgan, randomized
from tests.validation import validate

__all__ = ["archives", "model", "options"]


@needs_browser
@pytest.mark.slow
def test_two_backends_side_by_side(tmp_path, archives):
    graph = capture(randomized(TinyDcgan()), LATENT)
    for backend in ("onnxruntime", "litert"):
        (tmp_path / backend).mkdir()
    files = {backend: artifact(backend, tmp_path / backend, graph) for backend in ("onnxruntime", "litert")}
    inputs = sample_inputs(LATENT.inputs, 1, 0)
    seen, version = in_browser.measure(files, inputs, threads=2, seconds=0.3, npm=archives)
    assert version.startswith("Chromium ")
    wanted = graph.run(inputs)
    for found in seen.values():
        assert found.error is None and found.latency_ms["p50"] > 0 and found.load_ms > 0
        assert abs(found.output - wanted).max() < 1e-3


@needs_browser
@pytest.mark.slow
def test_the_fastest_in_the_browser_is_chosen(options, archives, monkeypatch, tmp_path, capsys):
    from edgegan.package import npm

    monkeypatch.setattr(npm, "_packed", lambda package, _: archives / npm.archive_name(package))
    report = compress(replace(options, target=load_target("browser"), precision="int8", fd_samples=0))
    timed = [row for row in report.content["candidates"] if row["passed"]]
    assert {row["backend"] for row in report.content["candidates"]} == {"litert", "onnxruntime"}
    best = min(row["latency_ms"]["p50"] for row in timed)
    assert report.result["latency_ms"]["p50"] <= best * 1.02 + 1e-9
    engine = str(options.out / report.result["artifact"])
    code = run(["bench", "--engine", engine, "--in-browser", "--seconds", "0.3", "--power-seconds", "0", "--json",
                str(tmp_path / "b.json")])  # fmt: skip
    figures = json.loads((tmp_path / "b.json").read_text())
    validate("bench", figures)
    assert code == 0 and figures["in_browser"]["psnr_db"] > 40 and figures["in_browser"]["latency_ms"]["p50"] > 0


def test_without_a_browser_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(in_browser.shutil, "which", lambda _: None)
    monkeypatch.delenv("EDGEGAN_CHROMIUM", raising=False)
    with pytest.raises(DeviceError, match="no Chromium was found"):
        in_browser.chromium_path()
