"""Mixed precision and sensitivity, end to end on a generator that int8 alone ruins."""

import json

import numpy as np
import pytest

from edgegan.bench.worker import Job, run_job
from edgegan.cli.app import run as command
from edgegan.compress import mixed, order
from edgegan.compress.build import Workshop
from edgegan.compress.contest import Contest, Reached, fastest_passing
from edgegan.compress.forms import Forms
from edgegan.compress.options import Options
from edgegan.compress.pipeline import run
from edgegan.compress.plan import Plan
from edgegan.compress.probe import Probe
from edgegan.compress.subject import load_subject
from edgegan.core.errors import GateError, TargetError
from edgegan.core.target import load_target
from edgegan.graph.rewrite import rewrite
from edgegan.quantize.decisions import decides
from edgegan.quantize.layers import Layer
from tests.validation import validate


@pytest.fixture
def options(model, tmp_path, photos):
    np.savez(tmp_path / "photos.npz", images=photos)
    return Options(
        model=f"{model}:image",
        inputs=("image:3x16x16",),
        target=load_target("mobile"),
        out=tmp_path / "out",
        threads=1,
        data=tmp_path / "photos.npz",
        precision="int8",
        calibration_samples=16,
        fd_samples=0,
    )


@pytest.mark.slow
@pytest.mark.parametrize("target", ["mobile", "jetson-orin"])
def test_layers_are_left_in_float_until_the_gate_holds(options, target):
    from dataclasses import replace

    options = replace(options, target=load_target(target))
    with pytest.raises(GateError):
        run(replace(options, min_psnr=150.0))
    rows = json.loads((options.out / "report.json").read_text())["candidates"]
    best = max(row["quality"]["psnr_db"] for row in rows if not row["name"].count("mixed"))
    report = run(replace(options, min_psnr=best + 2)).content
    validate("report", report)
    chosen = report["result"]
    assert "mixed" in chosen["name"] and chosen["quality"]["psnr_db"] >= best + 2
    raised = [layer for layer, precision in chosen["precision_exceptions"].items() if precision != "int8"]
    assert raised and any("layers in float hold" in note for stage in report["stages"] for note in stage["notes"])
    if target == "mobile":
        manifest = json.loads((options.out / "g.tflite.json").read_text())
        assert manifest["precision"] == "int8" and manifest["precision_exceptions"] == chosen["precision_exceptions"]


CODES = """
import torch
from torch import nn


class Codes(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 16, 4, 4), nn.ReLU(), nn.Conv2d(16, 16, 1))
        self.register_buffer("codebook", torch.randn(64, 16))
        self.decoder = nn.Sequential(
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 48, 3, padding=1), nn.PixelShuffle(4), nn.Tanh()
        )

    def forward(self, x):
        rows = self.encoder(x).permute(0, 2, 3, 1).reshape(-1, 16)
        places = (rows @ self.codebook.T).argmax(1)
        codes = self.codebook[places].reshape(x.shape[0], 4, 4, 16)
        return self.decoder(codes.permute(0, 3, 1, 2))


def made():
    torch.manual_seed(0)
    return Codes()
"""


@pytest.mark.slow
def test_what_chooses_among_codes_stays_in_float(options, tmp_path):
    """One code for another is another picture, and no derivative says so; the decoder alone bears int8."""
    from dataclasses import replace

    (tmp_path / "codes.py").write_text(CODES)
    given = replace(options, model=f"{tmp_path / 'codes.py'}:made", min_psnr=35.0)
    assert decides(load_subject(given).graph) and not decides(load_subject(options).graph)
    chosen = run(given).result
    raised = {layer for layer, precision in chosen["precision_exceptions"].items() if precision != "int8"}
    assert "mixed" in chosen["name"] and raised >= {"conv2d", "conv2d_1"} and not raised >= {"conv2d_2", "conv2d_3"}


@pytest.mark.slow
def test_the_sensitivity_command(options, capsys):
    base = [
        "quantize",
        options.model,
        "--input",
        "image:3x16x16",
        "--data",
        str(options.data),
        "--target",
        "mobile",
        "--threads",
        "1",
        "--calibration-samples",
        "16",
        "--out",
        str(options.out),
    ]
    assert command([*base, "--sensitivity", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["candidate"].startswith("litert") and len(found["layers"]) >= 4
    for row in found["layers"]:
        assert 5 < row["psnr_db"] < 120 and row["fd_lite0"] >= 0 and isinstance(row["saves_ms"], float)
    assert (
        json.loads((options.out / "sensitivity.json").read_text()) == found
        and (options.out / "sensitivity.png").stat().st_size > 2000
    )
    assert not list(options.out.glob("g.*"))


def test_layers_go_to_float_by_error_and_by_error_for_their_work():
    one, two, three = (Layer(i, f"layer{i}", "conv2d", (1,), macs, (1, 1)) for i, macs in enumerate((1000, 1, 100)))
    errors = {one: 1e-3, two: 1e-4, three: 1e-5}
    assert order.by_error(errors) == [one, two, three]
    assert order.by_error_for_work(errors) == [two, one, three]


def test_the_fastest_of_those_alike_is_given_layers_in_float():
    def reached(name, db, ms):
        return Reached(Plan(backend="null", formulation=name, precision="int8"), name, db, db - 1, ms)

    slow, fast, worse = reached("slow", 31.0, 2.0), reached("fast", 30.0, 1.0), reached("worse", 28.0, 0.5)
    assert mixed.starting_point([slow, fast, worse], 30.0) is fast.plan, "only just held is not held"
    assert mixed.starting_point([slow, fast, worse], 29.0) is None, "int8 alone clearly holds it"
    untimed = [reached("a", 30.0, np.inf), reached("b", 31.0, np.inf)]
    assert mixed.starting_point(untimed, 30.0) is untimed[1].plan


def test_a_backend_whose_int8_is_slower_than_what_passes_is_left_alone():
    def reached(backend, precision, db, ms):
        return Reached(Plan(backend=backend, formulation="auto", precision=precision), "file", db, db - 1, ms)

    int8, half = reached("onnxruntime", "int8", 31.0, 51.0), reached("openvino", "bf16", 52.0, 50.0)
    slow, barely = reached("openvino", "fp32", 120.0, 90.0), reached("litert", "int8", 35.5, 10.0)
    contest = Contest(None, 35.0, None)
    assert contest.why_lost(51.0) is None, "nothing was entered"
    contest.reached += [int8, half, slow, barely]
    assert contest.fastest() is half, "what holds the gate by less than a decibel may fail it on other inputs"
    assert "all in int8 it takes 51 ms, and openvino-auto-bf16 holds 35 dB in 50 ms" in contest.why_lost(51.0)
    assert contest.why_lost(30.0) is None and contest.why_lost(51.0, leeway=1.1) is None
    assert contest.worth_raising(20.0) == 1.0, "nobody knows what float takes"
    contest.float_ms = 120.0
    assert contest.worth_raising(20.0) == pytest.approx(1.25 * 0.3) and contest.worth_raising(60.0) == 0.0
    assert fastest_passing([reached("tensorrt", "fp16", 80.0, np.inf)], 35.0) is None


@pytest.mark.slow
def test_a_search_that_is_cut_short_keeps_what_held(options):
    """The deadline passes after so many candidates were tried; the smallest set of layers that held is kept."""

    class Soon:
        seconds = 1.0

        def __init__(self, asks):
            self.asks = asks

        @property
        def passed(self):
            self.asks -= 1
            return self.asks < 0

    subject = load_subject(options)
    forms = Forms({name: rewrite(subject.graph, name).value for name in ("phase-nhwc", "native")})
    (options.out / "work").mkdir(parents=True)
    workshop = Workshop(subject, options, forms, forms, options.out / "work")
    plan = Plan(backend="litert", formulation="phase-nhwc", precision="int8")
    inputs = subject.probe_inputs(options)
    probe = Probe(inputs, subject.graph.run(inputs), subject.graph.spec.output_range)
    start = Reached(plan, "file", probe.psnr_db(workshop_images(workshop, plan, inputs)), -np.inf, 1.0)
    gate = start.psnr_db + 1.0
    assert mixed.mixtures_of(workshop, start, gate, probe, Soon(0))[0] == []
    rows, notes = mixed.mixtures_of(workshop, start, gate, probe, Soon(1))
    assert "ended the search" in notes[0] and all(row.error is None for _, row in rows)


def workshop_images(workshop, plan, inputs):
    artifact = workshop.root / workshop.build(plan).runs
    return run_job(Job(artifacts={"it": artifact}, inputs=inputs, threads=1))["it"].images


def test_layers_are_compared_on_whole_batches():
    inputs = {"z": np.zeros((64, 3))}
    assert [len(order.few(inputs, batch)["z"]) for batch in (1, 3, 8, 16)] == [8, 6, 8, 16]


def test_a_target_without_int8_has_no_sensitivity(options):
    from edgegan.compress.sensitivity import sensitivity

    class Nothing:
        options = None

    Nothing.options = options
    with pytest.raises(TargetError, match="no int8 candidates"):
        sensitivity(Nothing, [], None)
