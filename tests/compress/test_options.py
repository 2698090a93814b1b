"""Options are declared once: nothing that a stage file depends on can be forgotten, and every caller is told alike."""

import inspect
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest

from edgegan.cli.app import run as command
from edgegan.compress import compress
from edgegan.compress.options import Options
from edgegan.compress.parsed import options_of
from edgegan.compress.settings import COMMANDS, STAGES, declared, option
from edgegan.core.errors import UsageError
from edgegan.core.target import load_target
from edgegan.remote.adb import Phone
from edgegan.remote.ssh import Device

CHANGED = {
    "model": "fashion-cgan",
    "target": load_target("x86-cpu"),
    "weights": Path("other.pth"),
    "weights_key": "netG",
    "inputs": ("latent:8x1x1",),
    "constants": ("strength=1",),
    "output_range": (0.0, 1.0),
    "data": Path("photos"),
    "prune": 0.5,
    "macs_ratio": 2.0,
    "max_latency_ms": 2.0,
    "max_bytes": 100_000,
    "criterion": "random",
    "allocation": 1.0,
    "keep_layers": ("up*",),
    "losses": ("wavelet=0.5",),
    "drop_blocks": 1,
    "train_device": "cpu",
    "distill_steps": 7,
    "precision": "fp32",
    "qat": True,
    "qat_steps": 7,
    "formulation": "native",
    "min_psnr": 40.0,
    "min_snr": 10.0,
    "max_fd_ratio": 2.0,
    "time_budget": 60.0,
    "out": Path("elsewhere"),
    "force": True,
    "seed": 1,
    "batch": 2,
    "threads": 2,
    "calibration_samples": 16,
    "observer": "mse",
    "equalize": True,
    "bias_correction": True,
    "adaround": True,
    "weight_bits": 4,
    "fd_samples": 0,
    "keep_candidates": True,
    "prefer": "energy",
    "uint8_output": True,
    "device": Device("user", "board"),
    "phone": Phone("R58"),
    "benchmark_model": Path("benchmark_model"),
    "device_install": True,
    "sign": Path("key.pem"),
    "batches": (1, 4, 16),
    "max_lpips": 0.1,
}
"""Another value than the default for every option."""
NEEDED = {
    "phone": {"benchmark_model": Path("benchmark_model")},
    "distill_steps": {"prune": 0.25},
    "qat_steps": {"qat": True},
}
"""What must be asked for before the option means anything."""


@pytest.mark.parametrize("each", declared(Options), ids=lambda each: each.name)
def test_every_option_that_stage_files_depend_on_changes_their_identity(each):
    """Facts of the run stand in for files: what they hold counts, not where they lie."""
    assert set(CHANGED) == {f.name for f in fields(Options)}
    before = Options(target=load_target("mobile"), **NEEDED.get(each.name, {}))
    after = replace(before, **{each.name: CHANGED[each.name]})
    same = before.identity("network", "data") == after.identity("network", "data")
    assert same is (each.setting.invalidates is None or each.setting.identity in ("network", "data"))
    assert before.identity("network", "data") != before.identity("other", "data")
    assert before.identity("network", "data") != before.identity("network", "other")


def test_an_option_that_says_nothing_of_stage_files_cannot_be_declared():
    with pytest.raises(TypeError, match="invalidates"):
        option(1, help="a number")

    @dataclass(frozen=True)
    class Forgotten:
        known: int = option(1, help="a number", invalidates=None)
        forgotten: int = 2

    with pytest.raises(TypeError, match=r"Forgotten\.forgotten is not an option"):
        declared(Forgotten)


def test_what_options_say_of_themselves_is_known():
    for each in declared(Options):
        assert each.setting.help and set(each.setting.commands) <= set(COMMANDS)
        assert each.setting.invalidates is None or each.setting.invalidates in STAGES


def test_the_python_call_has_the_commands_options():
    parameters = inspect.signature(compress).parameters
    assert set(parameters) == {f.name for f in fields(Options)} | {"progress", "until"}
    assert all(f"{each.name}: {each.setting.help}" in compress.__doc__ for each in declared(Options)[2:])


def test_texts_become_values_and_unknown_names_are_refused():
    found = options_of(
        {"target": "mobile", "out": "there", "output_range": "0,1", "inputs": ["latent:8"], "device": "ssh://me@board"}
    )
    assert found.out == Path("there") and found.output_range == (0.0, 1.0) and found.inputs == ("latent:8",)
    assert found.device == Device("me", "board") and found.target.name == "mobile"
    with pytest.raises(UsageError, match=r"min_pnsr.*min_psnr"):
        options_of({"target": "mobile", "min_pnsr": 3})
    with pytest.raises(UsageError, match="--input 'latnt:8'"):
        options_of({"target": "mobile", "inputs": ["latnt:8"]})


@pytest.mark.parametrize("until", ["prun", "Measure", ""])
def test_a_stage_that_there_is_not_is_an_error(until, tmp_path):
    with pytest.raises(UsageError, match=f"until='{until}' is no stage"):
        compress("fashion-dcgan", "mobile", until=until, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_every_command_shows_the_options_that_name_it(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    for name in COMMANDS:
        assert command([name, "--help"]) == 0
        shown = capsys.readouterr().out
        for each in declared(Options):
            if each.flag:
                assert (each.flag.split("/")[0] + " " in shown) is (name in each.setting.commands), (name, each.flag)


@pytest.mark.parametrize("given,batch,batches", [("4", 4, ()), (4, 4, ()), ("1,4,16", 1, (1, 4, 16))])
def test_a_batch_is_one_number_or_three(given, batch, batches):
    found = options_of({"target": "jetson-orin", "batch": given})
    assert (found.batch, found.batches) == (batch, batches)


@pytest.mark.parametrize("given", ["1,4", "4,1,16", "0,1,2", "one", "1,4,"])
def test_what_is_no_batch_is_refused(given):
    with pytest.raises(UsageError, match="LEAST,USUAL,MOST"):
        options_of({"target": "jetson-orin", "batch": given})
