"""Steps before int8: kept where the picture gains, undone where it does not, and told either way."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from edgegan.cli.app import run as command
from edgegan.compress import refine as module
from edgegan.compress.refine import refine
from edgegan.core.sampling import sample_inputs
from edgegan.core.stage import StageResult
from edgegan.graph.rewrite import rewrite
from edgegan.quantize.scheme import ONNXRUNTIME


def batches(graph):
    values = sample_inputs(graph.spec.inputs, 16, 1)
    return lambda: iter([tuple(torch.from_numpy(v[i : i + 1]) for v in values.values()) for i in range(16)])


def spoil(graph, scheme, batches):
    worse = replace(graph, module=copy.deepcopy(graph.module))
    for parameter in worse.module.parameters():
        parameter.data = parameter.data * 1.5
    return StageResult(worse, ("spoiled",))


def mend(graph, scheme, batches):
    return StageResult(mend.better, ("mended",))


def test_a_step_that_costs_the_picture_is_undone(dcgan_graph, monkeypatch):
    graph = rewrite(dcgan_graph, "phase").value
    mend.better = graph
    worse = spoil(graph, None, None).value
    monkeypatch.setattr(module, "STEPS", {"spoil": spoil, "mend": mend})
    inputs = sample_inputs(graph.spec.inputs, 8, 2)
    made = refine(graph, ("spoil",), ONNXRUNTIME, batches(graph), inputs)
    assert made.value is graph and "spoiled" in made.notes[0] and made.notes[0].endswith("undone")
    again = refine(graph, ("mend", "spoil"), ONNXRUNTIME, batches(graph), inputs)
    assert [note.split(":")[0] for note in again.notes] == ["spoiled", "mended"], (
        "in the table's order, not the caller's"
    )
    assert np.abs(worse.run(inputs) - graph.run(inputs)).max() > 0


def test_the_steps_act_in_the_order_in_which_they_build_on_each_other():
    assert list(module.STEPS) == ["equalize", "adaround", "bias_correction"]


@pytest.mark.slow
def test_a_run_with_every_step_tells_what_each_gave(tmp_path):
    arguments = [
        "--target",
        "mobile",
        "--threads",
        "1",
        "--fd-samples",
        "0",
        "--calibration-samples",
        "32",
        "--keep-candidates",
    ]
    assert (
        command(
            [
                "compress",
                "fashion-dcgan",
                *arguments,
                "--equalize",
                "--adaround",
                "--bias-correction",
                "--observer",
                "mse",
                "--weight-bits",
                "4",
                "--out",
                str(tmp_path / "a"),
            ]
        )
        == 0
    )
    report = json.loads((tmp_path / "a" / "report.json").read_text())
    told = " ".join(note for stage in report["stages"] for note in stage["notes"]) + " ".join(
        note for row in report["candidates"] for note in row["notes"]
    )
    assert all(step in told for step in ("equalization", "adaptive rounding", "bias correction"))
    rows = {row["name"]: row for row in report["candidates"]}
    narrow, wide = rows["litert-phase-nhwc-int8-w4"], rows["litert-phase-nhwc-int8"]
    assert narrow["bytes"] < 0.85 * wide["bytes"] and 20 < narrow["quality"]["psnr_db"] < wide["quality"]["psnr_db"]


def test_settings_that_do_not_exist_are_refused(capsys):
    assert command(["compress", "--target", "mobile", "--observer", "mimax"]) == 2
    assert "minmax" in capsys.readouterr().err
    assert command(["compress", "--target", "mobile", "--weight-bits", "3"]) == 2
    assert "--weight-bits 3" in capsys.readouterr().err
