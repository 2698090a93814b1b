"""``--prefer energy``, on a recorded Jetson tree that says 5 W whatever runs, so that the fastest takes least."""

from dataclasses import replace

import pytest

from edgegan.compress import energy
from edgegan.compress.choose import ranked
from edgegan.compress.pipeline import run
from edgegan.core.errors import DeviceError, TargetError, UsageError
from edgegan.core.target import load_target
from tests.bench.test_power import ina3221
from tests.compress.test_choose import row
from tests.validation import validate


@pytest.fixture
def options(options, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEGAN_SYS_ROOT", str(tmp_path / "system"))
    return replace(options, fd_samples=0, prefer="energy")


@pytest.mark.slow
def test_the_candidate_of_least_energy_is_chosen(options, tmp_path, monkeypatch):
    ina3221(tmp_path / "system", "hwmon1", [("VDD_IN", 5000, 1000)])
    monkeypatch.setattr(energy, "SECONDS", 0.3)
    report = run(options).content
    validate("report", report)
    measured = [candidate for candidate in report["candidates"] if candidate.get("power")]
    assert measured and all(
        candidate["power"]["gross_w"] == pytest.approx(5.0, rel=1e-2) for candidate in measured if candidate["passed"]
    )
    least = min(measured, key=lambda candidate: candidate["power"]["energy_mj_per_inference"])
    assert "energy an image" in (options.out / "report.html").read_text()
    assert report["result"]["name"] == least["name"] and report["result"]["power"] == least["power"]
    monkeypatch.setattr(energy, "_measured", lambda *_: pytest.fail("measured again"))
    assert run(options).content["result"]["name"] == least["name"]


def test_without_a_source_of_power_nothing_is_begun(options):
    with pytest.raises(DeviceError, match="no source of power"):
        run(options)
    with pytest.raises(TargetError, match="--device"):
        run(replace(options, target=load_target("jetson-orin")))
    with pytest.raises(UsageError, match="latency"):
        replace(options, prefer="latencies")


def test_measured_energy_ranks_before_latency():
    fast, frugal, unmeasured = row("fast", 1.0, 40.0), row("frugal", 2.0, 40.0), row("unmeasured", 0.5, 40.0)
    watts = {"energy_mj_per_inference": 9.0}
    fast = replace(fast, figures=replace(fast.figures, power=watts))
    frugal = replace(frugal, figures=replace(frugal.figures, power=watts | {"energy_mj_per_inference": 4.0}))
    order = ranked([unmeasured, fast, frugal], ("int8", "fp32"))
    assert [candidate.name for candidate in order] == ["frugal", "fast", "unmeasured"]
