"""Conditions, an earlier run's figures, and what continuous integration is told."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from edgegan.bench.ci import junit, markdown
from edgegan.bench.gate import conditions, parse_share, read_baseline, regressions
from edgegan.bench.latency import summarize
from edgegan.cli.app import run
from edgegan.core.errors import ArtifactError, UsageError
from tests.validation import validate


def figures(p50=10.0, reach=0.2, **others):
    latency = {"p50": p50, "p50_interval": [p50 - reach, p50 + reach]}
    return {"model": "m", "target": "t", "latency_ms": latency, "memory": {"peak_rss_mib": 100.0}} | others


def test_only_what_is_surely_worse_fails():
    latency, memory = regressions(figures(10.8), figures(10.0), 0.05)
    assert latency.failure is None and "within what the runs vary" in latency.note and memory.failure is None
    (latency, _) = regressions(figures(11.2), figures(10.0), 0.05)
    assert latency.failure == "latency_ms.p50 went from 10 to 11.2 (+12.0%), allowed 5.0%"
    (latency, _) = regressions(figures(9.0), figures(10.0), 0.05)
    assert latency.failure is None and latency.note is None


def test_better_pictures_are_no_regression():
    before = figures(quality={"psnr_db": 40.0})
    assert regressions(figures(quality={"psnr_db": 44.0}), before, 0.05)[-1].failure is None
    assert (
        "quality.psnr_db went from 40 to 36"
        in regressions(figures(quality={"psnr_db": 36.0}), before, 0.05)[-1].failure
    )


def test_figures_that_one_run_lacks_are_not_compared():
    names = [check.name for check in regressions(figures(power=None), figures(power={"energy_mj_per_inference": 3}), 0)]
    assert names == ["latency_ms.p50", "memory.peak_rss_mib"]


def test_another_model_or_target_is_refused():
    for other in ({"model": "n"}, {"target": "u"}):
        with pytest.raises(ArtifactError, match=f"is of the {next(iter(other))}"):
            regressions(figures(), figures() | other, 0.05)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"latency_ms": 3}', '{"result": null}', '"text"'])
def test_what_holds_no_figures_is_no_baseline(tmp_path, content):
    (tmp_path / "b.json").write_text(content)
    with pytest.raises(ArtifactError, match="--baseline"):
        read_baseline(tmp_path / "b.json")


def test_a_report_s_result_is_a_baseline(tmp_path):
    (tmp_path / "report.json").write_text(json.dumps({"model": "m", "target": "t", "result": figures()}))
    assert read_baseline(tmp_path / "report.json")["latency_ms"]["p50"] == 10.0


@pytest.mark.parametrize("text,share", [("5%", 0.05), ("12.5 %", 0.125), ("0", 0.0)])
def test_shares_are_read(text, share):
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "five", "-3%", "5%%"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(UsageError, match="write it like 5%"):
        parse_share(text)


def test_junit_and_markdown_tell_every_check():
    checks = [
        *conditions(figures(), ["latency_ms.p50>5", "memory.peak_rss_mib>500"]),
        *regressions(figures(10.8), figures(), 0.05),
    ]
    root = ElementTree.fromstring(junit("m", checks, 1.5))
    (suite,) = root
    assert suite.attrib["tests"] == "4" and suite.attrib["failures"] == "1" and len(suite) == 4
    assert suite[0][0].tag == "failure" and "is 10" in suite[0][0].text and suite[2][0].tag == "system-out"
    table = markdown("m", checks)
    assert table.startswith("### m: 1 of 4 checks failed") and table.count("\n| ") == 6 and "+8.0%" in table


def test_the_median_s_interval_covers_slow_spells():
    rng = np.random.default_rng(0)
    steady = summarize(rng.normal(10, 0.1, 1000)).to_json()["p50_interval"]
    spells = summarize(np.concatenate([rng.normal(10, 0.1, 700), rng.normal(12, 0.1, 300)])).to_json()["p50_interval"]
    assert steady[0] < 10 < steady[1] and steady[1] - steady[0] < 0.05 < spells[1] - spells[0]
    assert "p50_interval" not in summarize(np.ones(5)).to_json()


@pytest.mark.slow
def test_the_gate_from_the_command_line(null_artifact, tmp_path, capsys):
    base = ["bench", "--engine", str(null_artifact), "--seconds", "0.1", "--power-seconds", "0"]
    first, gate = tmp_path / "first.json", tmp_path / "junit.xml"
    assert run([*base, "--json", str(first), "--sweep-threads", "1,2"]) == 0
    known = json.loads(first.read_text())
    validate("bench", known)
    assert len(known["sweep"]) == 2 and known["harness"]["overhead_us"] > 0 and "clocks" in known["environment"]
    known["latency_ms"] |= {"p50": 1e-6, "p50_interval": [1e-6, 1e-6]}
    first.write_text(json.dumps(known))
    capsys.readouterr()
    told = [*base, "--baseline", str(first), "--max-regression", "5%", "--junit", str(gate), "--markdown"]
    assert run([*told, str(tmp_path / "summary.md")]) == 7
    assert "latency_ms.p50 went from 1e-06" in capsys.readouterr().err
    assert ElementTree.parse(gate).getroot().attrib["failures"] == "1"
    assert "**failed**" in (tmp_path / "summary.md").read_text()
    assert run([*base, "--baseline", str(tmp_path / "none.json")]) == 6
    assert run([*base, "--sweep-threads", "1,x"]) == 2


@pytest.mark.slow
def test_artifacts_are_compared_in_turns(null_artifact, tmp_path, monkeypatch):
    from edgegan.bench import ratios

    monkeypatch.setattr(ratios, "ROUNDS", 4)
    out = tmp_path / "b.json"
    base = ["bench", "--engine", str(null_artifact), "--compare", str(null_artifact), "--json", str(out)]
    assert run([*base, "--seconds", "0.1", "--power-seconds", "0"]) == 0
    figures = json.loads(out.read_text())
    validate("bench", figures)
    (other,) = figures["compared"]
    low, high = other["ratio_interval"]
    assert low <= other["ratio"] <= high and 0.5 < other["ratio"] < 2
