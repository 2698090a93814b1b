import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.special import expit

from edgegan.core.errors import OutputError, UsageError
from edgegan.train.loop import read_history, train
from edgegan.train.losses import non_saturating_discriminator, non_saturating_generator
from edgegan.train.recipe import Recipe, load_recipe


def test_losses_are_the_published_formulas():
    real, fake = np.array([0.5, -1.0, 3.0]), np.array([-2.0, 0.1, 0.7])
    assert non_saturating_generator(torch.from_numpy(fake)).item() == pytest.approx(-np.log(expit(fake)).mean())
    wanted = -np.log(expit(real)).mean() - np.log(1 - expit(fake)).mean()
    assert non_saturating_discriminator(torch.from_numpy(real), torch.from_numpy(fake)).item() == pytest.approx(wanted)
    assert non_saturating_discriminator(torch.zeros(4), torch.zeros(4)).item() == pytest.approx(2 * math.log(2))


@pytest.fixture
def recipe(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=images)
    return Recipe(model="fashion-dcgan", data=str(tmp_path / "images.npz"), steps=6, batch=8, checkpoint_every=2)


@pytest.mark.slow
def test_a_stopped_run_ends_bit_for_bit_where_an_unbroken_one_does(recipe, tmp_path):
    class Stop(Exception):
        pass

    def stop(step, total, losses):
        if step == 5:
            raise Stop

    whole = load_file(train(recipe, tmp_path / "whole"))
    with pytest.raises(Stop):
        train(recipe, tmp_path / "broken", stop)
    resumed = load_file(train(recipe, tmp_path / "broken"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    history = read_history(tmp_path / "broken")
    assert [row["step"] for row in history] == [2, 4, 6] and all(np.isfinite(list(row.values())).all() for row in history)
    for name in ("losses.png", "samples.png", "checkpoint.pt"):
        assert (tmp_path / "broken" / name).stat().st_size > 500
    with pytest.raises(OutputError, match="batch 8 -> 4"):
        train(replace(recipe, batch=4), tmp_path / "broken")


def test_the_shipped_recipe_reads():
    assert load_recipe("fashion-dcgan").model == "fashion-dcgan"


@pytest.mark.parametrize("text,told", [('model = "a"\ndata = "b"\nsteps = 1\nlr = 3\n', "lr"), ('model = "a"\n', "data"), ('model = "a"\ndata = "b"\nsteps = 0\n', "steps")])
def test_a_wrong_recipe_is_explained(tmp_path, text, told):
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(UsageError, match=told):
        load_recipe(tmp_path / "r.toml")


def test_an_unknown_recipe_names_the_known():
    with pytest.raises(UsageError, match="fashion-dcgan"):
        load_recipe("fashion-dcgn")


def test_data_of_another_size_is_refused_before_training(recipe, tmp_path):
    np.savez(tmp_path / "large.npz", images=np.zeros((4, 64, 64, 1), np.uint8))
    with pytest.raises(UsageError, match="64x64"):
        train(replace(recipe, data=str(tmp_path / "large.npz")), tmp_path / "out")
