"""Checks of benchmarks can fail, and rows say where they come from."""

import json

import pytest

from benchmarks import common, quantize, rewrites, tensorrt
from benchmarks.families import FAMILIES

MACS = {"phase_over_transposed": 1.03, "nearest_over_phase": 2.2}


def row(**changed):
    """A family of the rewrites, all of it well."""
    latency = {"litert-torch": 6.0, "onnxruntime original": 1.0, "openvino original": 1.0}
    own = {f"{backend} EdgeGAN": 1.0 for backend in rewrites.VENDORS}
    return {
        "family": "dcgan",
        "kind": "transposed",
        "chosen": dict.fromkeys(rewrites.VENDORS, "auto"),
        "latency_ms": latency | own,
        "psnr_db": {"litert EdgeGAN": 130.0},
    } | changed


def missed(rows):
    return [aim for aim, met in rewrites.verdicts(rows, MACS, {"all": 5.0}).items() if not met]


def test_every_family_must_be_there():
    whole = [row(family=name, kind="other") for name in FAMILIES]
    assert missed(whole) == []
    assert missed(whole[1:]) == [f"{next(iter(FAMILIES))}: not measured"]


@pytest.mark.parametrize(
    ("changed", "aim"),
    [
        ({"chosen": {"onnxruntime": "auto", "openvino": "auto"}}, "dcgan: converts to LiteRT"),
        ({"psnr_db": {"litert EdgeGAN": 38.0}}, "dcgan: converts to LiteRT"),
        ({"chosen": {"litert": "auto", "openvino": "auto"}}, "dcgan: no form converts"),
        ({"latency_ms": row()["latency_ms"] | {"litert EdgeGAN": 3.0}}, "dcgan: 2.00 times as fast as litert-torch"),
        ({"latency_ms": row()["latency_ms"] | {"openvino EdgeGAN": 2.0}}, "dcgan: 0.50 times as fast as openvino"),
    ],
)
def test_what_is_wrong_is_a_missed_aim(changed, aim):
    others = [row(family=name, kind="other") for name in FAMILIES if name != "dcgan"]
    (told,) = missed([*others, row(**changed)])
    assert told.startswith(aim)


def test_a_network_that_only_edgegan_converts_must_convert():
    others = [row(family=name, kind="other") for name in FAMILIES if name != "dcgan"]
    latency = {name: ms for name, ms in row()["latency_ms"].items() if name != "litert-torch"}
    assert missed([*others, row(latency_ms=latency)]) == []
    assert len(missed([*others, row(latency_ms=latency, psnr_db={"litert EdgeGAN": 20.0})])) == 1


def test_rows_that_are_missing_or_old_are_missed_aims(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    tensorrt.report([])
    written = json.loads((tmp_path / "tensorrt.json").read_text())
    assert len(written["aims"]) == len(quantize.CASES) and not any(written["aims"].values())
    old = {"family": "gan", "gate_db": 35.0, "tools": {}, "failed": {f"{b} EdgeGAN": "x" for b in quantize.BACKENDS}}
    assert not quantize.verdicts([old])["gan: measured before OpenVINO in float32 was a peer; to be measured again"]


def test_a_row_keeps_its_commit_and_its_machine(monkeypatch, tmp_path):
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    monkeypatch.setattr("edgegan.bench.environment.commit", lambda: "0123456789ab" + 28 * "c")
    (tmp_path / "it.json").write_text(json.dumps({"rows": [{"family": "a"}]}))
    first, second = common.renewed("it", {"family": "b"}, ["a", "b", "c"])
    assert first["measured"] is None and "before" in first["measured_reason"]
    (tmp_path / "it.json").write_text(json.dumps({"rows": [{"family": "a", "said": ["at /home/me/x.py:3: no"]}]}))
    assert common.renewed("it", None, ["a"])[0]["said"] == ["at x.py:3: no"]
    assert second["measured"]["commit"] == "0123456789ab" and second["measured"]["environment"]["cpu"]
