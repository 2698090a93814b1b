"""Which pictures calibrate and which judge: a folder sorted by subject misleads neither, and no picture does both."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgegan.compress.options import Options
from edgegan.compress.subject import load_subject, shared_out
from edgegan.core.errors import UsageError
from edgegan.core.target import load_target


@pytest.fixture
def options(model, tmp_path):
    settings = {"model": f"{model}:image", "inputs": ("image:3x16x16",), "target": load_target("mobile")}

    def made(pictures, **changed):
        np.savez(tmp_path / "pictures.npz", images=pictures)
        return Options(**settings | {"out": tmp_path / "out", "data": tmp_path / "pictures.npz"} | changed)

    return made


def numbered(count, rng):
    """Pictures that tell by their first pixel where they stood; dark ones first, as a sorted folder has them."""
    pictures = rng.integers(0, 100, (count, 16, 16, 3)).astype(np.uint8)
    pictures[count // 2 :] += 155
    pictures[:, 0, 0, 0] = np.arange(count)
    return pictures


def places(images):
    return {round((image[0, 0, 0] + 1) * 127.5) for image in images}


def test_a_sorted_folder_is_shuffled_and_no_picture_calibrates_and_judges(options):
    given_options = options(numbered(250, np.random.default_rng(0)), calibration_samples=60)
    subject = load_subject(given_options)
    calibrating = places(batch[0][0].numpy() for batch in subject.calibration_batches(given_options))
    judging = places(subject.check_inputs(given_options)["x"])
    assert calibrating.isdisjoint(judging) and len(calibrating) + len(judging) == 250
    for chosen in (calibrating, judging):
        bright = sum(place >= 125 for place in chosen) / len(chosen)
        assert 0.3 < bright < 0.7
    (note,) = subject.notes
    assert f"250 pictures: {len(calibrating)} calibrate and {len(judging)} judge" in note


def test_another_seed_shuffles_otherwise_and_the_same_alike(options):
    pictures = numbered(200, np.random.default_rng(0))
    first, again, other = (load_subject(options(pictures, seed=seed)).data.images for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_inputs_by_name_take_the_place_of_drawn_ones(options, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "voice.py").write_text(
        "import torch\ndef make(): return torch.nn.Sequential(torch.nn.Conv1d(8, 4, 3, 1, 1), torch.nn.Tanh())\n"
    )
    settings = {"model": f"{tmp_path}/voice.py:make", "inputs": ("latent:8x12",), "calibration_samples": 20}

    def loaded(**arrays):
        np.savez(tmp_path / "features.npz", **arrays)
        return load_subject(options(numbered(2, rng), data=tmp_path / "features.npz", **settings))

    features = rng.normal(5.0, 0.1, (300, 8, 12))
    features[:, 0, 0] = np.arange(300)
    subject = loaded(z=features)
    given_options = options(numbered(2, rng), data=tmp_path / "features.npz", **settings)
    calibrating = {int(b[0][0, 0, 0]) for b in subject.calibration_batches(given_options)}
    judging = {int(place) for place in subject.check_inputs(given_options)["z"][:, 0, 0]}
    assert len(calibrating) == 20 and calibrating.isdisjoint(judging) and subject.data.real is None
    assert not subject.notes
    for arrays, told in (
        ({"z": features, "style": features}, "style is no input of the generator; its are z"),
        ({"z": features[:, :4]}, "z is 4x12 a sample, the generator takes 8x12"),
        ({"z": np.full((3, 8, 12), np.nan)}, "no finite numbers"),
        ({"images": numbered(4, rng)}, "is 4x12, no picture; give its inputs by name, as an .npz of arrays 'z'"),
    ):
        with pytest.raises(UsageError, match=told):
            loaded(**arrays)
    (warning,) = load_subject(options(numbered(2, rng), **settings | {"data": None})).notes
    assert "z of shape 8x12 looks like features" in warning


def test_more_samples_begin_with_the_fewer(options):
    given_options = options(numbered(250, np.random.default_rng(0)), calibration_samples=60)
    subject = load_subject(given_options)
    few, more = (subject.check_inputs(given_options, count)["x"] for count in (8, 100))
    assert np.array_equal(few, more[:8]) and subject.most_checked(given_options) == 250 - subject.data.calibrating


def test_one_picture_does_both_and_that_is_said(options):
    one = load_subject(options(np.random.default_rng(0).integers(0, 255, (1, 16, 16, 3)).astype(np.uint8)))
    assert "WARNING" in one.notes[0] and one.data.calibrating == 0


@given(st.integers(1, 2000), st.integers(2, 512), st.integers(2, 256))
def test_both_get_what_they_ask_for_or_their_share(pictures, calibration, judging):
    calibrating = shared_out(pictures, calibration, judging)
    assert calibrating <= calibration and (pictures == 1 or 1 <= calibrating < pictures)
    if pictures >= calibration + judging:
        assert calibrating == calibration


NOISY = """
import torch
from torch import nn


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(8, 3, 4)

    def forward(self, z):
        x = self.up(z)
        return x + torch.randn_like(x)
"""


def test_noise_of_the_network_is_told(options, photos, tmp_path):
    (tmp_path / "noisy.py").write_text(NOISY)
    noisy = {"model": f"{tmp_path / 'noisy.py'}:Noisy", "inputs": ("latent:8x1x1",), "data": None}
    assert any("draws noise itself, at 1 places: one draw of it is kept" in n for n in told(options(photos, **noisy)))
    assert not any("draws noise" in note for note in told(options(photos)))


def told(options):
    return load_subject(options).notes
