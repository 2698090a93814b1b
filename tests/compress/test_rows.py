"""Rows of the report: made once, kept in stage files, read back as they were."""

import json
from dataclasses import FrozenInstanceError, replace

import pytest

from edgegan.compress.rows import UNBUILT, Built, Candidate, Figures, Verdict

BUILT = Built(
    name="litert-auto-int8",
    backend="litert",
    formulation="auto",
    precision="int8",
    precision_exceptions={"normalisation": "fp32"},
    macs=5,
    params=7,
    bytes_moved=9,
    bytes=11,
    notes=("one", "two"),
    artifact="litert-auto-int8/g.tflite",
    runs="litert-auto-int8/g.tflite",
    seconds=1.5,
)
FIGURES = Figures(latency_ms={"p50": 1.0}, quality={"psnr_db": 40.0, "ssim": None, "ssim_reason": "too small"})


@pytest.mark.parametrize("row", [BUILT, replace(BUILT, error="refused", artifact=None), replace(BUILT, notes=())])
def test_what_was_built_is_read_back(row):
    assert Built.from_json(json.loads(json.dumps(row.to_json()))) == row


@pytest.mark.parametrize("row", [FIGURES, Figures.missing(UNBUILT)])
def test_figures_are_read_back(row):
    assert Figures.from_json(json.loads(json.dumps(row.to_json()))) == row


def test_a_row_of_the_report():
    row = Candidate(built=BUILT, figures=FIGURES, verdict=Verdict(True, "PSNR 40.0 dB")).to_json()
    assert row["latency_ms"] == {"p50": 1.0} and row["passed"] and row["precision"] == "int8"
    baseline = Candidate(built=replace(BUILT, formulation=None, precision=None), figures=FIGURES).to_json()
    assert set(row) - set(baseline) == {"formulation", "precision", "passed", "reason"}


def test_figures_that_are_missing_say_why():
    row = Candidate(built=replace(BUILT, error="refused"), figures=Figures.missing(UNBUILT)).to_json()
    assert row["latency_ms"] is None and row["latency_ms_reason"] == UNBUILT
    assert row["quality"]["psnr_db"] is None and row["quality"]["psnr_db_reason"] == UNBUILT


def test_rows_do_not_change():
    with pytest.raises(FrozenInstanceError):
        BUILT.error = "changed"
