import hashlib
import io
import json
import os

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from edgegan.bench.drawing import open_drawer
from edgegan.core.errors import ModelError, UsageError
from edgegan.metrics.pairwise import psnr_db
from edgegan.models.loading import load_model
from edgegan.models.weights_file import load_weights, read_weights
from edgegan.models.zoo import WEIGHTS, ZOO, find
from edgegan.train.alarms import mean_distance
from tests.archives import rewrite_archive

FACTORY = """
import torch
from torch import nn
def good(): return nn.ConvTranspose2d(8, 3, 4)
def boom(): raise RuntimeError("the factory's own mistake")
def number(): return 3
"""


@pytest.fixture
def factory(tmp_path):
    (tmp_path / "mine.py").write_text(FACTORY)
    return tmp_path / "mine.py"


def test_a_factory_in_a_file(factory):
    loaded = load_model(f"{factory}:good", ["latent:8x1x1"], (0.0, 1.0), None, None, 1)
    assert (
        isinstance(loaded.module, nn.ConvTranspose2d)
        and loaded.spec.output_range == (0.0, 1.0)
        and loaded.name == "good"
    )


@pytest.mark.parametrize("name,told", [("boom", "own mistake"), ("number", "int"), ("god", "good")])
def test_a_factory_that_fails_is_explained(factory, name, told):
    with pytest.raises(ModelError, match=told):
        load_model(f"{factory}:{name}", ["latent:8x1x1"], None, None, None, 1)


def test_a_factory_needs_its_inputs_told(factory):
    with pytest.raises(UsageError, match="--input"):
        load_model(f"{factory}:good", [], None, None, None, 1)


def test_checkpoints_of_every_shape(tmp_path):
    state = nn.Linear(3, 2).state_dict()
    torch.save(state, tmp_path / "plain.pth")
    torch.save({"epoch": 3, "netG_state_dict": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "nested.pth")
    torch.save({"a": state, "b": state}, tmp_path / "two.pth")
    save_file(state, tmp_path / "s.safetensors")
    for name, key in (
        ("plain.pth", None),
        ("nested.pth", None),
        ("nested.pth", "netG_state_dict"),
        ("two.pth", "b"),
        ("s.safetensors", None),
    ):
        module = nn.Linear(3, 2)
        load_weights(module, read_weights(tmp_path / name, key), tmp_path / name)
        assert torch.equal(module.weight, state["weight"])
    with pytest.raises(ModelError, match="a, b"):
        read_weights(tmp_path / "two.pth", None)


def test_the_first_key_that_does_not_fit_is_named_with_shapes(tmp_path):
    with pytest.raises(ModelError, match=r"weight.*\(4, 3\).*\(2, 3\)"):
        load_weights(nn.Linear(3, 2), nn.Linear(3, 4).state_dict(), tmp_path)
    with pytest.raises(ModelError, match="other"):
        load_weights(nn.Linear(3, 2), {**nn.Linear(3, 2).state_dict(), "other": torch.zeros(1)}, tmp_path)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (os.system, (f"touch {tmp_path}/ran",))

    torch.save({"x": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(ModelError, match="would run code"):
        read_weights(tmp_path / "evil.pth", None)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04broken"])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path, content):
    (tmp_path / "junk.pth").write_bytes(content)
    with pytest.raises(ModelError, match=r"junk\.pth"):
        read_weights(tmp_path / "junk.pth", None)


def test_a_program_exported_in_training_mode_is_refused(tmp_path):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    torch.export.save(torch.export.export(module, (torch.randn(1, 3, 8, 8),)), tmp_path / "g.pt2")
    with pytest.raises(ModelError, match="training mode"):
        load_model(str(tmp_path / "g.pt2"), [], None, None, None, 1)


@pytest.mark.parametrize("name", [n for n, m in ZOO.items() if m.weights])
def test_shipped_weights_are_those_described(name):
    described = json.loads((WEIGHTS / f"{name}.json").read_text())
    data = (WEIGHTS / f"{name}.safetensors").read_bytes()
    assert hashlib.sha256(data).hexdigest() == described["sha256"] and len(data) == described["bytes"] < 16e6
    assert described["licence"] and described["command"] and described["data"]


@pytest.mark.parametrize("name", [model.name for model in ZOO.values() if model.weights])
def test_shipped_weights_draw_pictures_like_the_real_ones(name):
    with open_drawer(name) as drawer:
        made = drawer.draw(32, 0).astype(float)
        assert drawer.real is not None and made.shape[1:] == drawer.real.shape[1:] == (
            *find(name).output_shape[1:],
            find(name).output_shape[0],
        )
    real = drawer.real[:200].astype(float)
    assert mean_distance(made) > 0.5 * mean_distance(real)
    assert np.corrcoef(made.mean(0).ravel(), real.mean(0).ravel())[0, 1] > 0.8 or find(name).family == "srgan"


@pytest.mark.skipif(find("sr-compact").weights is None, reason="no weights ship")
def test_super_resolution_beats_bicubic():
    with open_drawer("sr-compact") as drawer:
        made = drawer.draw(len(drawer.images), 0)
    bicubic = np.stack(
        [np.asarray(Image.fromarray(small).resize((128, 128), Image.Resampling.BICUBIC)) for small in drawer.images]
    )
    assert psnr_db(drawer.real, made, (0, 255)) > psnr_db(drawer.real, bicubic, (0, 255)) + 0.5


def exported(tmp_path):
    path = tmp_path / "g.pt2"
    torch.export.save(torch.export.export(nn.Conv2d(3, 4, 3).eval(), (torch.randn(1, 3, 8, 8),)), path)
    return path


def test_an_exported_program_that_would_run_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (os.system, (f"touch {tmp_path}/ran",))

    evil = io.BytesIO()
    torch.save(Evil(), evil)
    changes = [
        lambda c: c.update({"g/data/sample_inputs/model.pt": evil.getvalue()}),
        lambda c: c.update(
            {
                "g/data/weights/model_weights_config.json": c["g/data/weights/model_weights_config.json"].replace(
                    b'"use_pickle": false', b'"use_pickle": true'
                )
            }
        ),
        lambda c: c.update(
            {
                "g/data/constants/model_constants_config.json": (
                    b'{"config": {"a": {"path_name": "opaque_obj_0", "use_pickle": false}}}'
                )
            }
        ),
        lambda c: c.update({"g/data/constants/opaque_obj_0": evil.getvalue()}),
        lambda c: c.update(
            {
                "g/models/model.json": c["g/models/model.json"].replace(
                    b'"as_int": 8', b'"as_expr": {"expr_str": "__import__(1)"}'
                )
            }
        ),
    ]
    for change in changes:
        with pytest.raises(ModelError, match=r"g\.pt2"):
            load_model(str(rewrite_archive(exported(tmp_path), change)), [], None, None, None, 1)
    assert not (tmp_path / "ran").exists()


def test_exported_programs_with_free_batches_and_constants_are_not_refused(tmp_path):
    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.grid = torch.randn(1, 3, 8, 8)

        def forward(self, x):
            return x.view(x.shape[0], 3, 8, 8) * self.grid + torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1)

    program = torch.export.export(
        Constant().eval(), (torch.randn(2, 192),), dynamic_shapes=({0: torch.export.Dim("n", min=1)},)
    )
    torch.export.save(program, tmp_path / "g.pt2")
    assert load_model(str(tmp_path / "g.pt2"), [], None, None, None, 1).spec.inputs[0].shape == (192,)
