"""What LiteRT's GPU delegate refuses, of files whose operators are known, and that our forms of generators avoid it."""

import json

import pytest
import torch

from benchmarks.families import FAMILIES
from edgegan.cli.app import run
from edgegan.compress import compress
from edgegan.core.errors import ArtifactError, GateError
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.export.depth_to_space import depth_to_space
from edgegan.export.gpu_delegate import refusals
from edgegan.export.litert import export_litert
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite
from tests.artifacts import artifact
from tests.conftest import LATENT
from tests.subjects import TinyDcgan, randomized

PHOTO = GeneratorSpec(inputs=(TensorSpec(name="x", kind="image", shape=(3, 8, 8), range=(-1.0, 1.0)),))


class Spread(torch.nn.Module):
    """A mean that is laid out before it is used, as a hand-written norm may."""

    def forward(self, x):
        mean = x.mean((2, 3), keepdim=True).expand(-1, -1, 8, 8)
        return torch.tanh(torch.cat([x - mean, mean], 1))


@pytest.mark.slow
@pytest.mark.parametrize("family", ["biggan", "infogan", "stylegan2"])
def test_the_delegate_takes_our_form_of_generators(family, tmp_path):
    module, spec = FAMILIES[family].build("small")[:2]
    graph = rewrite(capture(module, spec), "phase-nhwc").value
    file = export_litert(graph.module, graph.example_inputs(), tmp_path / "g.tflite")
    depth_to_space(file)
    assert refusals(file) == []


def test_an_operator_that_it_lacks_is_named(tmp_path):
    graph = capture(Spread(), PHOTO)
    file = export_litert(graph.module, graph.example_inputs(), tmp_path / "g.tflite")
    (refused,) = refusals(file)
    assert str(refused) == "1 BROADCAST_TO (the delegate has none)"


def test_what_is_no_file_of_litert_is_an_error(tmp_path):
    (tmp_path / "g.tflite").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="is no LiteRT file"):
        refusals(tmp_path / "g.tflite")


def test_inspect_says_it(tmp_path, capsys):
    file = artifact("litert", tmp_path, capture(randomized(TinyDcgan()), LATENT))
    assert run(["inspect", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gpu_delegate_refuses"] == ["4 RESHAPE (it moves values into the batch)"]
    assert run(["inspect", str(file)]) == 0
    assert "GPU delegate refuses 4 RESHAPE" in capsys.readouterr().out


@pytest.mark.slow
def test_a_candidate_that_it_refuses_is_refused_for_a_phone_s_gpu(tmp_path):
    (tmp_path / "model.py").write_text(
        "from tests.export.test_gpu_delegate import Spread\ndef net(): return Spread()\n"
    )
    options = {"inputs": ("image:3x8x8",), "threads": 1, "calibration_samples": 4, "fd_samples": 0}
    with pytest.raises(GateError):
        compress(f"{tmp_path / 'model.py'}:net", "mobile-gpu", out=tmp_path / "out", **options)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert all("GPU delegate refuses 1 BROADCAST_TO" in row["reason"] for row in report["candidates"])
