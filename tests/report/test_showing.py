"""Walks, directions and maps on generators whose answer is known."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.transform import Rotation, Slerp
from torch import nn

from edgegan.bench.drawing import Drawer, open_drawer
from edgegan.core.errors import UsageError
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.report import walks
from edgegan.report.directions import latent_directions
from edgegan.report.feature_map import draw_map, plane_positions
from tests.conftest import LATENT, make_null


@given(st.integers(0, 2**16), st.integers(2, 9))
def test_slerp_keeps_length_and_turns_evenly(seed, size):
    start, end = (v / np.linalg.norm(v) for v in np.random.default_rng(seed).normal(size=(2, size)))
    path = walks.slerp(start, end, np.linspace(0, 1, 9))
    assert np.allclose(np.linalg.norm(path, axis=1), 1, atol=1e-5)
    assert np.allclose(path[0], start, atol=1e-6) and np.allclose(path[-1], end, atol=1e-6)
    turns = np.arccos(np.clip((path[1:] * path[:-1]).sum(1), -1, 1))
    assert turns.std() < 1e-3


def test_slerp_is_scipys_on_the_circle_of_rotations():
    ends = Rotation.from_euler("z", [[10], [100]], degrees=True)
    wanted = Slerp([0, 1], ends)(np.linspace(0, 1, 5)).as_quat()
    assert np.allclose(walks.slerp(*ends.as_quat(), np.linspace(0, 1, 5)), wanted, atol=1e-6)


def test_slerp_of_parallel_vectors_is_straight():
    assert np.allclose(walks.slerp(np.array([1.0, 0]), np.array([3.0, 0]), np.array([0.5])), [[2, 0]])
    assert not walks.slerp(np.zeros(3), np.zeros(3), np.array([0.0, 1.0])).any()


class OneWay(nn.Module):
    """Only the third latent number changes the picture much, the first a little."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 16)
        with torch.no_grad():
            self.first.weight.copy_(torch.diag(torch.tensor([0.5, 0.01, 5.0, 0.01])))
            self.first.bias.zero_()

    def forward(self, z):
        return torch.tanh(self.second(self.first(z))).unflatten(1, (1, 4, 4))


def drawer_of(module, *inputs):
    spec = GeneratorSpec(inputs=inputs)

    @torch.no_grad()
    def run(values):
        return module(*(torch.from_numpy(values[i.name]) for i in inputs)).numpy()

    return Drawer("mine", spec, run, module=module)


def test_the_strongest_direction_is_the_one_that_changes_the_picture():
    torch.manual_seed(0)
    drawer = drawer_of(OneWay(), TensorSpec(name="z", kind="latent", shape=(4,)))
    directions, shares = latent_directions(drawer, 2, seed=0)
    unit = np.abs(directions / np.linalg.norm(directions, axis=1, keepdims=True))
    assert unit[0, 2] > 0.99 and unit[1, 0] > 0.9 and shares[0] > 0.9
    assert np.linalg.norm(directions[0]) == pytest.approx(1, abs=0.1)  # one deviation of a standard normal


def test_what_has_no_latent_or_no_layers_is_told(null_artifact):
    with open_drawer(str(null_artifact)) as drawer, pytest.raises(UsageError, match="is an artifact"):
        latent_directions(drawer, 2, 0)
    plain = drawer_of(nn.Tanh(), TensorSpec(name="z", kind="latent", shape=(4,)))
    with pytest.raises(UsageError, match="no layers"):
        latent_directions(plain, 2, 0)
    photo = drawer_of(nn.Tanh(), TensorSpec(name="x", kind="image", shape=(3, 8, 8), range=(-1.0, 1.0)))
    with pytest.raises(UsageError, match="no latent"):
        latent_directions(photo, 2, 0)


def test_a_round_walk_begins_each_leg_at_a_sample(tmp_path):
    class Flat(nn.Module):
        def forward(self, z):
            return torch.tanh(z[:, :3, None, None].expand(-1, 3, 4, 4))

    drawer = drawer_of(Flat(), TensorSpec(name="z", kind="latent", shape=(3,)))
    frames = walks.interpolation(drawer, 3, 4, seed=5)
    assert frames.shape == (12, 4, 4, 3) and np.abs(frames[::4].astype(int) - drawer.draw(3, 5)).max() <= 1
    walks.write_gif(frames, tmp_path / "walk.gif")
    with Image.open(tmp_path / "walk.gif") as picture:
        assert picture.n_frames > 6 and picture.size == (128, 128)


def test_a_row_per_class_has_the_same_latents():
    class Shade(nn.Module):
        def forward(self, z, label):
            return (z[:, :1, None, None] * 0.01 + label[:, None, None, None] / 2 - 0.5).expand(-1, 1, 2, 2)

    drawer = drawer_of(
        Shade(),
        TensorSpec(name="z", kind="latent", shape=(2,)),
        TensorSpec(name="label", kind="label", shape=(), classes=3),
    )
    rows = walks.classes(drawer, 4, seed=0).reshape(3, 4, -1).mean(2)
    assert (rows[1] - rows[0] > 50).all() and np.allclose(rows[1] - rows[0], rows[2] - rows[1], atol=1)
    assert walks.classes(drawer_of(nn.Identity(), TensorSpec(name="z", kind="latent", shape=(1, 2, 2))), 4, 0) is None


def test_two_far_groups_lie_apart_on_both_maps(tmp_path):
    rng = np.random.default_rng(0)
    positions = plane_positions(rng.normal(0, 1, (40, 20)), rng.normal(9, 1, (30, 20)))
    for places in positions.values():
        real, made = places[:40], places[40:]
        assert np.linalg.norm(real.mean(0) - made.mean(0)) > 2 * max(real.std(), made.std())
    draw_map(positions, 40, tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as shown:
        assert shown.size == (1000, 500)


def test_an_artifact_draws_as_its_runtime_does(tmp_path):
    from edgegan.runtime import load

    path = make_null(tmp_path / "g.null", LATENT)
    with open_drawer(str(path)) as drawer, load(path) as generator:
        assert np.array_equal(drawer.draw(3, 1), generator.sample(3, 1))
    with pytest.raises(UsageError, match="is an artifact"), open_drawer(str(path), inputs=["latent:8"]):
        pass
