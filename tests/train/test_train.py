"""The trainer as a user has it: stopped and resumed, on one process and on two, every recipe that ships."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from scipy.spatial.distance import pdist

from edgegan.core.errors import ModelError, OutputError, UsageError
from edgegan.core.progress import Silent
from edgegan.models.biggan import Generator as BigGan
from edgegan.models.zoo import ZOO, find, images_path
from edgegan.train import alarms, views
from edgegan.train.averaging import average_into
from edgegan.train.loop import read_history, train
from edgegan.train.pool import ImagePool
from edgegan.train.recipe import Recipe, changed, load_recipe, shipped_recipes

SHIPPED = str(images_path("fashion_mnist_test_1k.npz"))


class Stop(Exception):
    pass


class StopAt(Silent):
    def __init__(self, step):
        self.at, self.notes, self.training = step, [], False

    def stage(self, name):
        self.training = name == "train"

    def step(self, done, total):
        if self.training and done == self.at:
            raise Stop

    def note(self, text):
        self.notes.append(text)


def short(name, **changes):
    recipe = load_recipe(name)
    return replace(recipe, **{"data": SHIPPED, "labels": "", "steps": 6, "batch": 4, "checkpoint_every": 2} | changes)


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe",
    [
        short("fashion-dcgan", batch=8, accumulate=2),
        short("fashion-cyclegan", pool=3),
        short("fashion-pix2pix"),
        short("fashion-gan", discriminator_steps=2, penalty="r1", penalty_every=2, clip_norm=1.0, flip=True),
    ],
    ids=lambda r: r.model,
)
def test_a_stopped_run_ends_bit_for_bit_where_an_unbroken_one_does(recipe, tmp_path):
    whole = load_file(train(recipe, tmp_path / "whole"))
    with pytest.raises(Stop):
        train(recipe, tmp_path / "broken", StopAt(5))
    resumed = load_file(train(recipe, tmp_path / "broken"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    history = read_history(tmp_path / "broken")
    assert history == read_history(tmp_path / "whole")
    assert [row["step"] for row in history] == [2, 4, 6] and all(
        np.isfinite(list(row.values())).all() for row in history
    )
    for name in ("losses.png", "samples.png", "checkpoint.pt"):
        assert (tmp_path / "broken" / name).stat().st_size > 500
    with pytest.raises(OutputError, match="seed 0 -> 1"):
        train(replace(recipe, seed=1), tmp_path / "broken")


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_recipes())
def test_every_recipe_runs(name, tmp_path):
    recipe = replace(load_recipe(name), steps=20, batch=4, checkpoint_every=10)
    if recipe.model == "sr-compact":
        with np.load(images_path("photographs_128.npz")) as archive:
            for index, picture in enumerate(archive["images"][:8]):
                Image.fromarray(picture).save(tmp_path / f"{index}.png")
        recipe = replace(recipe, data=str(tmp_path), shrink=1)
    else:
        recipe = replace(recipe, data=SHIPPED, labels="")
    weights = load_file(train(recipe, tmp_path / "run"))
    history = read_history(tmp_path / "run")
    assert len(history) == 2 and all(np.isfinite(list(row.values())).all() for row in history)
    assert (tmp_path / "run" / "checkpoint.pt").exists() and list((tmp_path / "run" / "tensorboard").rglob("events.*"))
    find(recipe.model).build().load_state_dict(weights)


@pytest.mark.slow
def test_hidden_patches_are_learnt_and_a_second_run_begins_from_what_was_learnt(tmp_path):
    recipe = short("fashion-pix2pix-masked", steps=60, batch=8, checkpoint_every=20)
    history = read_history(tmp_path / "pretext") if train(recipe, tmp_path / "pretext") else []
    assert history[-1]["hidden"] < 0.7 * history[0]["hidden"]
    begun = short("fashion-pix2pix", steps=1, lr_generator=1e-9, start=str(tmp_path / "pretext/generator.safetensors"))
    learnt, after = load_file(recipe_weights := Path(begun.start)), load_file(train(begun, tmp_path / "task"))
    names = [name for name in learnt if "running" not in name and "tracked" not in name]
    assert recipe_weights.exists() and all(torch.allclose(learnt[n], after[n], atol=1e-6) for n in names)
    with pytest.raises(ModelError, match=r"start = 'nowhere.pt'.*no such file"):
        train(short("fashion-pix2pix", start="nowhere.pt"), tmp_path / "other")


@pytest.mark.parametrize(("size", "share", "patch"), [((32, 32), 0.6, 4), ((30, 17), 0.5, 8), ((8, 8), 0.99, 8)])
def test_squares_are_hidden_to_their_share(size, share, patch):
    where = views.hidden(size, share, patch, (0, 1))
    again, other = views.hidden(size, share, patch, (0, 1)), views.hidden(size, share, patch, (0, 2))
    assert where.shape == size and np.array_equal(where, again)
    assert size[0] * size[1] <= patch**2 or not np.array_equal(where, other)
    squares = [where[i : i + patch, j : j + patch] for i in range(0, size[0], patch) for j in range(0, size[1], patch)]
    assert all(square.all() or not square.any() for square in squares)
    assert abs(sum(map(np.all, squares)) / len(squares) - share) < 1 / len(squares) + 0.01


def test_masking_is_for_networks_that_give_what_they_take(tmp_path):
    for name in ("fashion-dcgan", "sr-compact"):
        with pytest.raises(UsageError, match="objective = 'masked'"):
            train(short(name, objective="masked", crop=False, shrink=1), tmp_path)


LAUNCHED = """
import sys, json, faulthandler
faulthandler.dump_traceback_later(150, exit=True)  # what hangs tells where
from pathlib import Path
import torch
torch.set_num_threads(1)
from edgegan.train.loop import train
from edgegan.train.recipe import Recipe
train(Recipe(**json.loads(sys.argv[1])), Path(sys.argv[2]))
"""


def launch(tmp_path, processes, name, settings):
    """A run in fresh processes, over gloo where there are several, as accelerate launch sets it up. One of some hundred
    such runs hung, nobody knows where: what hangs now tells it, in this test's output, and is run once more."""
    script = tmp_path / "launched.py"
    script.write_text(LAUNCHED)
    command = (
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        if processes > 1
        else [sys.executable]
    )
    environment = os.environ | {
        "ACCELERATE_USE_CPU": "true",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    for _ in range(2):
        done = subprocess.run(
            [*command, str(script), json.dumps(settings), str(tmp_path / name)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if "Timeout (0:02:30)!" not in done.stderr:
            break
        print(done.stderr)
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return read_history(tmp_path / name), load_file(tmp_path / name / "generator.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize("model,more", [("fashion-dcgan", {}), ("fashion-biggan", {"loss": "hinge"})])
def test_two_processes_give_the_curve_of_one_with_the_whole_batch(tmp_path, model, more):
    settings = {"model": model, "data": SHIPPED, "steps": 4, "batch": 8, "checkpoint_every": 1} | more
    alone, weights = launch(tmp_path, 1, "alone", settings)
    shared, shared_weights = launch(tmp_path, 2, "shared", settings)
    # Rounding grows with each Adam step, whose first ones are the sign of the gradient.
    for ours, theirs in zip(shared, alone, strict=True):
        assert ours == pytest.approx(theirs, rel=2e-3, abs=2e-3)
    assert max((weights[n].float() - shared_weights[n].float()).abs().max().item() for n in weights) < 2e-3


@pytest.mark.slow
def test_mixed_precision_trains(tmp_path):
    train(short("fashion-dcgan", mixed_precision="bf16", steps=2), tmp_path)
    assert np.isfinite(list(read_history(tmp_path)[-1].values())).all()


def test_accumulated_parts_of_a_batch_are_the_batch(tmp_path):
    """Without BatchNorm and dropout, parts add up."""
    recipe = short("fashion-cyclegan", batch=4, steps=2, pool=0, checkpoint_every=1)
    whole, parts = (
        load_file(train(recipe, tmp_path / "whole")),
        load_file(train(replace(recipe, accumulate=2), tmp_path / "parts")),
    )
    first = [read_history(tmp_path / name)[0]["cycle"] for name in ("whole", "parts")]
    assert first[0] == pytest.approx(first[1], rel=1e-3)
    assert max((whole[n] - parts[n]).abs().max().item() for n in whole) < 2e-3


def test_losses_that_are_no_numbers_stop_the_run_and_are_named():
    with pytest.raises(ModelError, match="diverged at step 7: penalty"):
        alarms.require_finite({"generator": 0.1, "penalty": float("nan")}, 7)


def test_a_collapsed_generator_is_told(tmp_path):
    told = StopAt(-1)
    train(short("fashion-gan", steps=1, batch=4, collapse_share=0.9), tmp_path, told)
    assert any("mode collapse" in note for note in told.notes)


def test_mean_distance_is_scipys():
    images = np.random.default_rng(0).integers(0, 256, (9, 5, 4, 3), dtype=np.uint8)
    assert alarms.mean_distance(images) == pytest.approx(
        pdist(images.reshape(9, -1).astype(float)).mean() / np.sqrt(60)
    )


def test_an_average_takes_counters_and_singular_vectors_as_they_are():
    current, average = BigGan(features=8, size=16, attention=0), BigGan(features=8, size=16, attention=0)
    before = {name: value.clone() for name, value in average.state_dict().items()}
    average_into(average, current, 0.75)
    for name, value in average.state_dict().items():
        as_is = not value.is_floating_point() or name.endswith(("._u", "._v"))
        wanted = current.state_dict()[name] if as_is else before[name].lerp(current.state_dict()[name], 0.25)
        assert torch.equal(value, wanted), name


def test_a_pool_gives_back_as_many_and_remembers():
    pool = ImagePool(2, seed=0)
    first = torch.arange(2.0).view(2, 1, 1, 1)
    assert torch.equal(pool.exchange(first), first)
    seen = torch.cat([pool.exchange(torch.full((1, 1, 1, 1), float(i))) for i in range(2, 30)]).flatten().tolist()
    old = [s for i, s in enumerate(seen) if s != i + 2]
    assert 5 < len(old) < 23 and len(set(old)) == len(old)


def test_the_shipped_recipes_read_and_every_shipped_network_has_one():
    trained = {load_recipe(name).model for name in shipped_recipes()}
    assert trained == set(ZOO)


@pytest.mark.parametrize(
    "text,told",
    [
        ('model = "a"\ndata = "b"\nsteps = 1\nlr = 3\n', "unknown key 'lr'"),
        ('model = "a"\n', "data"),
        ('model = "a"\ndata = "b"\nsteps = 0\n', "steps"),
        ('model = "a"\ndata = "b"\nsteps = "many"\n', "steps = 'many' must be of type int"),
        ('model = "a"\ndata = "b"\nsteps = 1\nclasses = ["x"]\n', "list of whole numbers"),
        ('model = "a"\ndata = "b"\nsteps = 1\nbatch = 6\naccumulate = 4\n', "multiple of accumulate"),
        ('model = "a"\ndata = "b"\nsteps = 1\npenalty = "gp"\n', "none, gradient, r1, clip"),
    ],
)
def test_a_wrong_recipe_is_explained(tmp_path, text, told):
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(UsageError, match=told):
        load_recipe(tmp_path / "r.toml")


def test_settings_change_a_recipe_as_toml_would():
    recipe = changed(load_recipe("fashion-cyclegan"), ["batch=4", "loss=hinge", "classes=[1, 2]", "lr_generator=1"])
    assert (recipe.batch, recipe.loss, recipe.classes, recipe.lr_generator) == (4, "hinge", (1, 2), 1.0)
    with pytest.raises(UsageError, match="did you mean batch"):
        changed(recipe, ["batsh=4"])


def test_an_unknown_recipe_names_the_known():
    with pytest.raises(UsageError, match="fashion-dcgan"):
        load_recipe("fashion-dcgn")


def test_a_checkpoint_of_another_model_is_refused_before_training(tmp_path):
    train(short("fashion-gan", steps=1), tmp_path)
    with pytest.raises(OutputError, match="a checkpoint of 'fashion-gan', not of 'fashion-dcgan'"):
        train(short("fashion-dcgan", steps=1), tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"damaged")
    with pytest.raises(OutputError, match="no checkpoint that can be read"):
        train(short("fashion-gan", steps=1), tmp_path)


def test_data_that_is_no_picture_is_refused_before_training(tmp_path):
    np.savez(tmp_path / "odd.npz", images=np.zeros((4, 64, 64, 5), np.uint8))
    with pytest.raises(UsageError, match="images have 5 channels"):
        train(Recipe(model="fashion-dcgan", data=str(tmp_path / "odd.npz"), steps=1), tmp_path / "out")


def test_missing_data_names_its_origin(tmp_path):
    with pytest.raises(UsageError, match="Debian package"):
        train(replace(load_recipe("fashion-dcgan"), data=str(tmp_path / "nothing")), tmp_path / "out")
