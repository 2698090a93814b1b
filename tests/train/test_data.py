"""Orders, sources and batches: nothing twice, every process its share, every mistake told before training."""

import gzip
import json
import struct
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from edgegan.core.errors import UsageError
from edgegan.models.zoo import find
from edgegan.train.batches import Batches, LabelledBatches, PairedBatches, UnpairedBatches
from edgegan.train.order import EpochOrder
from edgegan.train.recipe import Recipe
from edgegan.train.sources import open_source
from edgegan.train.views import edges


@given(count=st.integers(1, 60), batch=st.integers(1, 8), world=st.sampled_from([1, 2]), seed=st.integers(0, 9))
def test_an_epoch_shows_nothing_twice_and_processes_share_each_batch(count, batch, world, seed):
    batch *= world
    if count < batch:
        with pytest.raises(UsageError, match="fewer than one batch"):
            EpochOrder(count, batch, seed)
        return
    orders = [EpochOrder(count, batch, seed) for _ in range(world)]
    alone = EpochOrder(count, batch, seed)
    for epoch in range(2):
        seen = []
        for position in range(epoch * alone.per_epoch, (epoch + 1) * alone.per_epoch):
            shares = [order.at(position, rank, world)[1] for rank, order in enumerate(orders)]
            assert np.array_equal(np.concatenate(shares), alone.at(position)[1])
            seen += np.concatenate(shares).tolist()
        assert len(set(seen)) == len(seen) == alone.per_epoch * batch


@pytest.fixture
def folder(tmp_path):
    """Twelve pictures of different sizes in two classes."""
    rng = np.random.default_rng(0)
    for index in range(12):
        path = tmp_path / "photos" / ("cats" if index % 2 else "dogs") / f"{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40 + index, 50, 3), dtype=np.uint8)).save(path)
    return tmp_path / "photos"


def opened(path, **options):
    return open_source(
        str(path), **{"labels": "", "size": (32, 32), "channels": 3, "resize": True, "broken_share": 0.1, **options}
    )


def test_a_folder_is_resized_and_its_subfolders_are_classes(folder):
    source = opened(folder, channels=1)
    assert len(source) == 12 and source.pictures[3].shape == (32, 32, 1)
    assert source.labels.tolist() == [0] * 6 + [1] * 6  # cats before dogs
    chosen = source.of_classes((1,), "photos")
    assert len(chosen) == 6 and np.array_equal(chosen.pictures[0], source.pictures[6])
    with pytest.raises(UsageError, match=r"\[7\] do not occur"):
        source.of_classes((7,), "photos")


def test_broken_pictures_are_left_out_with_a_count_and_refused_above_a_share(folder):
    (folder / "cats" / "01.png").write_bytes(b"no picture")
    whole = (folder / "dogs" / "02.png").read_bytes()
    (folder / "dogs" / "02.png").write_bytes(whole[: len(whole) // 2])
    source = opened(folder, broken_share=0.2)
    assert len(source) == 10 and source.broken == 2 and source.labels.tolist() == [0] * 5 + [1] * 5
    assert all(source.pictures[i].shape == (32, 32, 3) for i in range(10))
    with pytest.raises(UsageError, match="2 of 12 images cannot be read"):
        opened(folder)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no images"):
        opened(tmp_path)


def test_labels_come_from_an_idx_file(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((3, 32, 32, 1), np.uint8))
    (tmp_path / "labels.gz").write_bytes(gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 3) + bytes([4, 0, 9])))
    assert opened(tmp_path / "images.npy", labels=str(tmp_path / "labels.gz"), channels=1).labels.tolist() == [4, 0, 9]
    (tmp_path / "short.gz").write_bytes(gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 2) + bytes([4, 0])))
    with pytest.raises(UsageError, match="for 3 pictures"):
        opened(tmp_path / "images.npy", labels=str(tmp_path / "short.gz"), channels=1)


def test_a_torch_dataset_of_any_kind_of_picture(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import torch\nfrom PIL import Image\n"
        "class Pairs(torch.utils.data.Dataset):\n    def __len__(self): return 4\n"
        "    def __getitem__(self, i): return torch.full((3, 20, 24), i / 4), i % 2\n"
        "def pairs(): return Pairs()\n"
        "def pillow(): return [Image.new('L', (40, 30), 200)] * 2\n"
    )
    source = opened(f"{tmp_path}/mine.py:pairs")
    assert (
        source.labels.tolist() == [0, 1, 0, 1]
        and source.pictures[2].shape == (32, 32, 3)
        and source.pictures[2][5, 5].tolist() == [128] * 3
    )
    grey = opened(f"{tmp_path}/mine.py:pillow", channels=1)
    assert grey.labels is None and grey.pictures[1].shape == (32, 32, 1) and grey.pictures[1][0, 0, 0] == 200


@pytest.fixture
def recipe(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "images.npz", images=rng.integers(0, 256, (40, 28, 28, 1), dtype=np.uint8), labels=np.arange(40) % 10
    )
    return Recipe(model="fashion-dcgan", data=str(tmp_path / "images.npz"), steps=6, batch=8)


def test_two_processes_see_the_batch_of_one_flips_included(recipe):
    recipe, model = replace(recipe, flip=True), find("fashion-dcgan")
    alone = Batches(recipe, model).__getitems__(3)["image"]
    shares = [Batches(recipe, model, rank, 2).__getitems__(3)["image"] for rank in range(2)]
    assert np.array_equal(np.concatenate(shares), alone)
    assert not np.array_equal(alone, Batches(replace(recipe, flip=False), model).__getitems__(3)["image"])


WORKERS = """
import json, sys
from dataclasses import replace
from edgegan.models.zoo import find
from edgegan.train.batches import Batches, stream
from edgegan.train.recipe import Recipe
recipe, model = Recipe(**json.loads(sys.argv[1])), find("fashion-dcgan")
here = [b["image"] for b in stream(Batches(recipe, model), 2, 6)]
there = [b["image"] for b in stream(Batches(replace(recipe, workers=2), model), 2, 6)]
print(len(here), all((a == b).all() for a, b in zip(here, there, strict=True)))
"""


def test_workers_read_the_same_batches_in_the_same_order(recipe):
    """In a process of its own: workers are forked, which a process full of other tests' threads does not bear."""
    settings = {"model": recipe.model, "data": recipe.data, "steps": recipe.steps, "batch": recipe.batch}
    done = subprocess.run(
        [sys.executable, "-c", WORKERS, json.dumps(settings)], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == ["4", "True"], done.stderr


def test_labels_out_of_range_are_refused(recipe, tmp_path):
    np.savez(tmp_path / "wrong.npz", images=np.zeros((8, 28, 28, 1), np.uint8), labels=np.arange(8) + 5)
    with pytest.raises(UsageError, match=r"labels span 5\.\.12, and fashion-cgan has 10 classes"):
        LabelledBatches(replace(recipe, model="fashion-cgan", data=str(tmp_path / "wrong.npz")), find("fashion-cgan"))
    np.savez(tmp_path / "without.npz", images=np.zeros((8, 28, 28, 1), np.uint8))
    with pytest.raises(UsageError, match="has no labels"):
        LabelledBatches(replace(recipe, model="fashion-cgan", data=str(tmp_path / "without.npz")), find("fashion-cgan"))


def test_pictures_in_their_own_sizes_are_refused_where_the_model_has_one(recipe, folder):
    with pytest.raises(UsageError, match="the model wants 32x32; set resize = true or crop = true"):
        Batches(replace(recipe, data=str(folder), resize=False, batch=4), find("fashion-dcgan"))
    with pytest.raises(UsageError, match="smaller than the 128x128 pieces"):
        PairedBatches(replace(recipe, data=str(folder), crop=True, derive="downscale", batch=4), find("sr-compact"))


def test_pieces_differ_by_epoch_and_come_with_their_small_twin(recipe, tmp_path):
    picture = np.random.default_rng(1).integers(0, 256, (200, 260, 3), dtype=np.uint8)
    for index in range(4):
        (tmp_path / "large").mkdir(exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "large" / f"{index}.png")
    batches = PairedBatches(
        replace(recipe, data=str(tmp_path / "large"), crop=True, derive="downscale", batch=4), find("sr-compact")
    )
    first, second = batches.__getitems__(0), batches.__getitems__(1)
    assert first["target"].shape == (4, 128, 128, 3) and first["input"].shape == (4, 64, 64, 3)
    assert not np.array_equal(first["target"], second["target"])
    wanted = np.asarray(Image.fromarray(first["target"][0].numpy()).resize((64, 64), Image.Resampling.BICUBIC))
    assert np.array_equal(first["input"][0], wanted)


def test_paired_folders_share_their_file_names(recipe, tmp_path):
    for side, names in (("a", "xyz"), ("b", "xyz"), ("c", "xyq"), ("d", "xy")):
        (tmp_path / side).mkdir()
        for name in names:
            Image.new("L", (32, 32), ord(name)).save(tmp_path / side / f"{name}.png")
    recipe, model = replace(recipe, model="fashion-pix2pix", batch=2, data=str(tmp_path / "a")), find("fashion-pix2pix")
    batch = PairedBatches(replace(recipe, data_b=str(tmp_path / "b")), model).__getitems__(0)
    assert np.array_equal(batch["input"], batch["target"])
    with pytest.raises(UsageError, match=r"'x' in .* has no partner"):
        PairedBatches(replace(recipe, data_b=str(tmp_path / "c")), model)
    with pytest.raises(UsageError, match=r"3 pictures and .* 2"):
        PairedBatches(replace(recipe, data_b=str(tmp_path / "d")), model)
    with pytest.raises(UsageError, match="learns from pairs"):
        PairedBatches(recipe, model)


def test_two_domains_come_from_classes_in_orders_of_their_own(recipe):
    recipe, model = (
        replace(recipe, model="fashion-cyclegan", batch=2, classes=(1,), classes_b=(2, 3)),
        find("fashion-cyclegan"),
    )
    batches = UnpairedBatches(recipe, model)
    assert len(batches.first) == 4 and len(batches.second) == 8
    assert batches.__getitems__(0)["a"].shape == (2, 32, 32, 1)
    with pytest.raises(UsageError, match="two domains"):
        UnpairedBatches(replace(recipe, classes_b=()), model)


def test_edges_lie_where_scipys_gradient_is_large():
    picture = np.zeros((16, 16, 1), np.uint8)
    picture[4:12, 5:11] = 200
    smooth = ndimage.generic_gradient_magnitude(picture[..., 0].astype(float), ndimage.sobel, mode="nearest")
    assert np.array_equal(edges(picture)[..., 0] == 255, smooth > 0.2 * smooth.max())
    assert not edges(np.full((8, 8, 3), 90, np.uint8)).any()
