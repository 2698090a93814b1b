"""The pages of a run, of several and of a search in a real browser: drawn, sorted, slid, closed to the network, usable
by everybody."""

import json
import re

import jsonschema
import numpy as np
import pytest

from edgegan.cli.app import run
from edgegan.report.html import page, write_bench, write_html, write_search
from edgegan.report.pictures import Sheet
from tests.browser import browser, needs_browser, watched
from tests.validation import validate

pytestmark = needs_browser
NOT_JUDGED = ("passed", "reason", "formulation", "precision")
PIXEL = "[...document.querySelector('canvas').getContext('2d').getImageData(20, 20, 1, 1).data]"


def latency(p50):
    kept = {"p50": p50, "p90": 1.1 * p50, "p95": 1.2 * p50, "p99": 1.5 * p50, "p99_9": 2 * p50}
    return kept | {"mean": p50, "std": 0.1, "cv": 0.1, "count": 100, "p50_interval": [0.9 * p50, 1.1 * p50]}


def candidate(name, p50, psnr, passed=True, **more):
    quality = {"psnr_db": psnr, "psnr_original_db": psnr, "ssim": 0.98, "fd_lite0": 12.0, "kid_lite0": 0.1}
    return {
        "name": name, "artifact": "g.onnx", "backend": "openvino", "formulation": "phase", "precision": "int8",
        "macs": 17_000_000, "params": 1_000_000, "bytes": 100_000 + int(1000 * p50), "latency_ms": latency(p50),
        "quality": quality, "passed": passed, "reason": f"PSNR {psnr:.1f} dB",
        "precision_exceptions": {}, "bytes_moved": 10**6, "notes": [], **more,
    }  # fmt: skip


def report(**changes):
    rows = [candidate("slow", 4.0, 60.0), candidate("fast", 1.0, 38.0), candidate("lossy", 0.5, 12.0, passed=False)]
    base = {k: v for k, v in candidate("baseline", 6.0, 140.0).items() if k not in NOT_JUDGED}
    environment = {
        "os": "Linux", "cpu": "a CPU <b>& more</b>", "cores": 2, "threads": 2, "python": "3.11.7",
        "versions": {"numpy": "2.0.0"}, "gpu": None, "commit": "0123456789abcdef",
    }  # fmt: skip
    whole = {
        "schema": 1, "model": "a </script><script>alert(1)</script> model", "target": "x86-cpu", "seed": 0,
        "environment": environment, "warnings": ["WARNING: something is worth a look"], "baseline": base,
        "stages": [{"name": "load", "seconds": 1.5, "notes": []}, {"name": "build", "seconds": 20.0, "notes": ["so"]}],
        "candidates": rows, "result": {**rows[1], "speedup": 6.0}, "command": "edgegan compress model --target x86-cpu",
        "training": [
            {"step": 200, "loss": 0.9, "psnr_db": 18.0},
            {"step": 400, "loss": 0.4, "psnr_db": 23.5},
        ],
        "layers": [
            {"name": f"conv{i}", "operator": "convolution", "channels": 64 >> i, "kept": 48 >> i, "precision": "int8"}
            for i in range(4)
        ],
    }  # fmt: skip
    return whole | changes


@pytest.fixture(scope="module")
def chromium():
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def run_page(tmp_path_factory):
    rng = np.random.default_rng(0)
    original = rng.uniform(-1, 1, (12, 3, 32, 32))
    sheet = Sheet.of(original, np.clip(original + 0.05, -1, 1), (-1, 1))
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_html(report(), sheet, path)
    return path.as_uri()


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}])
def test_a_run_is_drawn_for_everybody_and_fetches_nothing(chromium, run_page, look):
    with watched(chromium, **look) as seen:
        seen.page.goto(run_page)
        seen.page.wait_for_selector("canvas[width='530']", timeout=20_000)
        assert seen.page.inner_text("h1") == "a </script><script>alert(1)</script> model for x86-cpu"
        assert "fast takes 1.000 ms, 6.0 times as fast" in seen.page.inner_text(".decision")
        assert seen.page.locator("svg").count() == 6
        assert "a CPU <b>& more</b>" in seen.page.inner_text("main")
        width = seen.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1], "the page is wider than the screen"
        assert seen.violations() == []
        assert seen.foreign() == [] and seen.errors == []


def test_the_table_sorts_and_the_slider_moves(chromium, run_page):
    with watched(chromium) as seen:
        seen.page.goto(run_page)
        first = lambda: seen.page.locator("tbody tr td:first-child").all_inner_texts()  # noqa: E731
        assert first() == ["plain conversion", "slow", "fast", "lossy"]
        seen.page.get_by_role("button", name="p50 ms").click()
        assert first() == ["lossy", "fast", "slow", "plain conversion"]
        seen.page.get_by_role("button", name="p50 ms").click()
        assert first() == ["plain conversion", "slow", "fast", "lossy"]
        assert seen.page.locator("th[aria-sort=descending]").inner_text() == "p50 ms"
        shown = lambda: seen.page.locator(".over").evaluate("e => e.getBoundingClientRect().width")  # noqa: E731
        seen.page.locator("#slider").fill("100")
        whole = shown()
        seen.page.locator("#slider").fill("25")
        assert shown() == pytest.approx(whole / 4, abs=3)
        assert seen.errors == []


def test_the_difference_is_ten_times_what_differs(chromium, tmp_path):
    before = np.full((1, 3, 64, 64), 100.0)
    write_html(report(), Sheet.of(before, before + 7, (0, 255)), tmp_path / "r.html")
    with watched(chromium) as seen:
        seen.page.goto((tmp_path / "r.html").as_uri())
        seen.page.wait_for_selector("canvas[width='530']", timeout=20_000)
        seen.page.wait_for_function(f"{PIXEL}[3] === 255 && {PIXEL}[0] > 0")
        pixel = seen.page.evaluate(PIXEL)
        assert pixel == [70, 70, 70, 255]


def test_a_run_that_failed_and_one_that_was_not_timed(chromium, tmp_path):
    sheet = Sheet.of(np.zeros((2, 1, 8, 8)), None, (-1, 1))
    rows = [candidate("untimed", 1.0, 40.0) | {"latency_ms": None, "latency_ms_reason": "not here"}]
    for name, content, said in (
        ("failed", report(result=None), "No candidate for x86-cpu passed"),
        ("untimed", report(candidates=rows, result={**rows[0], "speedup": None}), "first choice for x86-cpu"),
    ):
        write_html(content, sheet, tmp_path / f"{name}.html")
        with watched(chromium) as seen:
            seen.page.goto((tmp_path / f"{name}.html").as_uri())
            assert said in seen.page.inner_text("main") and seen.errors == [] and seen.violations() == []


def test_the_report_of_the_tests_is_one():
    validate("report", report())
    for key in ("schema", "candidates", "environment"):
        with pytest.raises(jsonschema.ValidationError, match=key):
            validate("report", {name: value for name, value in report().items() if name != key})


def test_several_runs_side_by_side_with_their_history(chromium, tmp_path, capsys):
    for index, commit in enumerate(("aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc")):
        folder = tmp_path / f"run{index}"
        folder.mkdir()
        own = report()
        own["environment"] = own["environment"] | {"commit": commit}
        own["result"] = own["result"] | {"latency_ms": latency(1.0 + index)}
        (folder / "report.json").write_text(json.dumps(own))
    Sheet.of(np.zeros((2, 1, 8, 8)), None, (-1, 1)).write(tmp_path / "run0" / "samples.png")
    runs = [str(tmp_path / f"run{index}") for index in range(3)]
    assert run(["report", *runs, "--out", str(tmp_path / "runs.html")]) == 0
    assert "run1" in capsys.readouterr().out
    with watched(chromium, viewport={"width": 390, "height": 844}) as seen:
        seen.page.goto((tmp_path / "runs.html").as_uri())
        assert seen.page.locator("tbody tr").count() == 3
        seen.page.get_by_role("button", name="p50 ms").click()
        seen.page.get_by_role("button", name="p50 ms").click()
        assert seen.page.locator("tbody tr td:first-child").all_inner_texts() == ["run2", "run1", "run0"]
        assert seen.page.locator("h2", has_text="History").count() == 1
        texts = seen.page.evaluate("[...document.querySelectorAll('svg text')].map(text => text.textContent)")
        assert "cccccccccc" in texts
        assert seen.violations() == [] and seen.errors == [] and seen.foreign() == []


def test_a_search_is_a_page(chromium, tmp_path):
    trial = {
        "params": {"prune": 0.5, "allocation": 2 / 3, "criterion": "magnitude", "precision": "int8"},
        "state": "complete", "energy_mj": None, "energy_mj_reason": "not asked for", "macs": 10**6, "bytes": 10**5,
        "fd_lite0": None, "fd_lite0_reason": "left out", "artifact": "points/0000/g.onnx",
    }  # fmt: skip
    rows = [trial | {"number": i, "latency_ms": 1.0 + i, "psnr_db": 30.0 + i} for i in range(3)]
    content = {
        "schema": 1, "model": "m", "target": "x86-cpu", "seed": 0, "environment": report()["environment"],
        "cost": "latency_ms", "quality": "psnr_db", "trials": rows, "front": [0, 1, 2],
    }  # fmt: skip
    validate("search", content)
    write_search(content, tmp_path / "search.html")
    with watched(chromium) as seen:
        seen.page.goto((tmp_path / "search.html").as_uri())
        assert seen.page.locator("circle").count() == 3 and seen.page.locator("tr.chosen").count() == 3
        assert seen.violations() == [] and seen.errors == [] and seen.foreign() == []


def test_bad_runs_are_refused(tmp_path, capsys):
    assert run(["report", str(tmp_path)]) == 2 and "no report.json there" in capsys.readouterr().err
    (tmp_path / "report.json").write_text("{")
    assert run(["report", str(tmp_path)]) == 6 and "damaged" in capsys.readouterr().err
    (tmp_path / "report.json").write_text('{"schema": 1}')
    assert run(["report", str(tmp_path)]) == 6 and "is no report" in capsys.readouterr().err


def test_nothing_is_left_of_the_templates_marks():
    assert not re.search(r"\{\{[a-z.]+\}\}", page({"kind": "runs", "runs": []}))


def test_what_artifacts_cost_is_drawn_with_its_sweep_its_scenarios_and_its_layers(chromium, tmp_path, null_artifact):
    page, figures = tmp_path / "bench.html", tmp_path / "bench.json"
    arguments = ["bench", "--engine", str(null_artifact), str(null_artifact), "--seconds", "0.05", "--scenarios"]
    arguments += ["--power-seconds", "0", "--threads", "2", "--sweep-threads", "1,2", "--profile"]
    assert run([*arguments, "--html", str(page), "--json", str(figures)]) == 0
    found = json.loads(figures.read_text())
    validate("bench", found)
    layers = [{"name": f"layer {i}", "operator": "Conv", "ms": 0.1 * i, "share": 0.1 * i / 4.5} for i in range(10)]
    found["profile"] = {"source": "a profiler", "calls": 10, "whole_ms": 5.0, "sum_ms": 4.5, "layers": layers}
    validate("bench", found)
    write_bench(found, page)
    with watched(chromium) as seen:
        seen.page.goto(page.as_uri())
        text = seen.page.inner_text("main")
        assert "a profiler, 10 calls: 4.500 ms in layers of 5.000 ms" in text
        assert "MLPerf's scenarios" in text and "offline, 2 × 1 threads" in text
        assert "null tells no time of its layers" in text
        assert seen.page.locator("svg").count() == 3
        assert seen.violations() == [] and seen.foreign() == [] and seen.errors == []
