"""The gates, and which of the candidates that pass is chosen."""

from dataclasses import replace

from edgegan.compress.choose import judge, ranked
from edgegan.compress.rows import Built, Candidate, Figures
from edgegan.core.target import load_target


def row(name, p50, psnr, precision="int8", error=None):
    """A candidate, judged at 30 dB."""
    built = Built(
        name=name,
        backend="null",
        formulation="native",
        precision=precision,
        macs=1,
        params=1,
        bytes_moved=1,
        bytes=10,
        error=error,
    )
    found = Candidate(
        built=built, figures=Figures(latency_ms=None if p50 is None else {"p50": p50}, quality={"psnr_db": psnr})
    )
    return replace(found, verdict=judge(found, 30))


def test_the_fastest_that_passes_is_chosen():
    rows = [
        row("fast", 1.0, 20.0),
        row("good", 2.0, 40.0),
        row("slow", 3.0, 90.0, "fp32"),
        row("broken", None, None, error="refused"),
    ]
    assert [r.name for r in ranked(rows, ("int8", "fp32"))] == ["good", "slow"]
    assert "below the gate" in rows[0].verdict.reason and rows[3].verdict.reason == "refused"
    near = [row("better pictures", 2.01, 60.0), row("as fast, worse", 2.0, 35.0), row("as fast, better", 2.0, 50.0)]
    assert [r.name for r in ranked(near, ("int8",))] == ["as fast, better", "as fast, worse", "better pictures"]


def test_the_gate_is_held_by_the_lower_end_of_the_interval():
    def verdict(low, psnr, high):
        candidate = row("int8", 1.0, psnr)
        quality = {"psnr_db": psnr, "psnr_interval_db": [low, high]}
        return judge(replace(candidate, figures=replace(candidate.figures, quality=quality)), 35)

    assert verdict(35.1, 36.3, 37.5).passed
    refused = verdict(33.9, 36.3, 38.7)
    assert not refused.passed and "on other pictures 33.9 to 38.7" in refused.reason
    assert "on other pictures" not in verdict(33.0, 34.0, 35.0).reason


def test_what_is_no_better_than_a_flat_picture_passes_no_gate():
    """Silence may score 45 dB where the range is nominal."""

    def verdict(psnr, snr, **gates):
        found = row("quiet", 1.0, psnr)
        return judge(
            replace(found, figures=replace(found.figures, quality={"psnr_db": psnr, "snr_db": snr})), 30, **gates
        )

    assert not verdict(45.7, -0.1).passed and "flat picture" in verdict(45.7, -0.1).reason
    assert verdict(45.7, 0.6).passed and not verdict(45.7, 0.6, min_snr=10).passed
    assert verdict(45.7, 12.0, min_snr=10).passed and verdict(45.7, None).passed


def test_a_float_file_that_computes_something_else_is_refused():
    asked = []

    def exact_db():
        asked.append(True)
        return 70.0

    assert judge(row("good", 2.0, 90.0, "fp32"), 30.0, None, exact_db).passed and not asked
    assert judge(row("coarse", 2.0, 75.0, "fp32"), 30.0, None, exact_db).passed and asked
    assert judge(row("lossy", 2.0, 38.0), 30.0, None, exact_db).passed
    wrong = judge(row("wrong", 2.0, 38.2, "fp32"), 30.0, None, exact_db)
    assert not wrong.passed and "38.2 dB although it is float32" in wrong.reason


def test_a_network_that_chooses_is_judged_by_its_mean_picture():
    """One picture of a hundred took another code, which no float32 can help."""

    def verdict(mean, **how):
        found = row("codes", 2.0, 48.0, "fp32")
        quality = {"psnr_db": 48.0, "psnr_mean_db": mean}
        return judge(replace(found, figures=replace(found.figures, quality=quality)), 30, **how)

    assert verdict(118.0, decides=True).passed and not verdict(118.0).passed
    wrong = verdict(50.0, decides=True)
    assert not wrong.passed and "50.0 dB although it is float32" in wrong.reason


def test_unmeasured_candidates_follow_the_targets_order_of_precisions():
    rows = [row("c", None, 90.0, "fp32"), row("b", None, 60.0, "fp16"), row("a", None, 10.0, "int8")]
    assert ranked(rows, load_target("rtx-40").precisions)[0].name == "b"


def test_the_gate_on_lpips():
    good = row("good", 1.0, 40.0)
    looks = replace(good, figures=replace(good.figures, quality=good.figures.quality | {"lpips": 0.2}))
    assert judge(looks, 30, max_lpips=0.3).passed and judge(looks, 30).passed
    assert judge(looks, 30, max_lpips=0.1).reason == "LPIPS 0.2000: is above the gate of 0.1"
    none = replace(good, figures=replace(good.figures, quality=good.figures.quality | {"lpips_reason": "too small"}))
    assert judge(none, 30, max_lpips=0.1).reason == "LPIPS none: too small"
