import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import sklearn.metrics
import torch
from torchmetrics.functional.image import peak_signal_noise_ratio

from edgegan.core.errors import UsageError
from edgegan.metrics.distances import frechet_distance, kernel_distance
from edgegan.metrics.features import Lite0Features
from edgegan.metrics.pairwise import (
    IDENTICAL_DB,
    psnr_by_picture_db,
    psnr_db,
    psnr_interval_db,
    snr_db,
    ssim,
)


@pytest.mark.parametrize("ends", [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0)])
def test_psnr_is_torchmetrics(ends):
    rng = np.random.default_rng(0)
    a = rng.uniform(*ends, (4, 3, 16, 16)).astype(np.float32)
    b = (a + rng.normal(0, 0.05 * (ends[1] - ends[0]), a.shape)).astype(np.float32)
    wanted = peak_signal_noise_ratio(torch.from_numpy(b), torch.from_numpy(a), data_range=ends[1] - ends[0]).item()
    assert psnr_db(a, b, ends) == pytest.approx(wanted, rel=1e-4)


def test_identical_pictures_have_a_finite_figure():
    a = np.ones((1, 3, 16, 16), np.float32)
    assert psnr_db(a, a, (-1, 1)) == IDENTICAL_DB and ssim(a, a, (-1, 1)) == pytest.approx(1.0)


def pictures(count=40):
    """Pairs whose errors differ from picture to picture."""
    rng = np.random.default_rng(0)
    reference = rng.uniform(-1, 1, (count, 3, 8, 8))
    return reference, reference + rng.normal(0, 1, reference.shape) * rng.uniform(0.01, 0.1, (count, 1, 1, 1))


def test_psnr_by_picture_is_torchmetrics():
    a, b = (torch.from_numpy(values) for values in pictures())
    wanted = [peak_signal_noise_ratio(y[None], x[None], data_range=2.0).item() for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(psnr_by_picture_db(a.numpy(), b.numpy(), (-1, 1)), wanted, rtol=1e-6)


def test_snr_is_what_the_coefficient_of_determination_leaves():
    a, b = pictures()
    left = 1 - sklearn.metrics.r2_score(a.ravel(), b.ravel())
    assert snr_db(a, b) == pytest.approx(-10 * np.log10(left))
    flat = np.full_like(a, a.mean())
    assert snr_db(a, flat) == pytest.approx(0.0, abs=1e-9) and snr_db(flat, a) is None and snr_db(a, a) == IDENTICAL_DB


def test_the_interval_is_scipys_and_none_for_one_picture():
    """A ratio of two sets' mean errors, resampled by SciPy."""
    a, b = pictures(60)
    errors = ((a - b) ** 2).reshape(len(a), -1).mean(1)
    ratio = scipy.stats.bootstrap(
        (errors, errors), lambda x, y, axis: np.log10(x.mean(axis) / y.mean(axis)), n_resamples=4000,
        method="percentile", vectorized=True, rng=1,
    ).confidence_interval  # fmt: skip
    low, high = psnr_interval_db(a, b, (-1, 1))
    whole, wider = psnr_db(a, b, (-1, 1)), np.sqrt(59 / 57)
    assert (low, high) == pytest.approx((whole + 10 * ratio.low * wider, whole + 10 * ratio.high * wider), abs=0.15)
    assert low < whole < high and psnr_interval_db(a[:1], b[:1], (-1, 1)) is None


@pytest.mark.parametrize("count", [8, 32, 128])
def test_the_interval_holds_what_other_pictures_have(count):
    """Errors that differ by picture as those of int8 do, some ten times others."""
    rng = np.random.default_rng(count)
    held = 0
    for _ in range(200):
        one, other = np.sqrt(rng.lognormal(-6.0, 0.8, (2, count, 1)))
        low, high = psnr_interval_db(np.zeros((count, 1)), one, (-1, 1))
        held += low <= psnr_db(np.zeros((count, 1)), other, (-1, 1)) <= high
    assert held >= (0.85 if count < 16 else 0.9) * 200


def test_ssim_of_small_pictures_is_not_made_up():
    assert ssim(np.zeros((1, 3, 8, 8)), np.zeros((1, 3, 8, 8)), (-1, 1)) is None


def test_frechet_distance_is_the_formula_with_scipys_square_root():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (400, 12)), rng.normal(0.3, 1.4, (400, 12))
    s, t = np.cov(a.T), np.cov(b.T)
    wanted = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s + t) - 2 * np.trace(scipy.linalg.sqrtm(s @ t)).real
    assert frechet_distance(torch.from_numpy(a).float(), torch.from_numpy(b).float()) == pytest.approx(wanted, rel=1e-3)


def test_kernel_distance_of_one_distribution_is_near_zero_and_of_two_is_not():
    rng = np.random.default_rng(0)
    a, b, c = (torch.from_numpy(rng.normal(m, 1, (300, 16))).float() for m in (0, 0, 1))
    assert abs(kernel_distance(a, b)) < 0.1 < kernel_distance(a, c)


def test_too_few_pictures_are_refused():
    with pytest.raises(UsageError, match="at least"):
        frechet_distance(torch.zeros(1, 4), torch.zeros(9, 4))


@pytest.mark.slow
def test_the_feature_network_tells_classes_apart():
    """Real weights are in place: noise and smooth pictures lie far apart, two sets of the same kind near."""
    from edgegan.bench.quality import SetDistances

    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)
    smooth = np.clip(
        np.linspace(0, 255, 32)[None, None, :, None] + rng.normal(0, 30, (64, 1, 1, 3)) + np.zeros((64, 32, 32, 3)),
        0,
        255,
    ).astype(np.uint8)
    judge = SetDistances(noise[:32])
    assert judge.against(noise[32:])["fd_lite0"] < judge.against(smooth[32:])["fd_lite0"] / 2


@pytest.mark.slow
def test_folded_norms_give_the_features_of_the_network_as_it_comes():
    pictures = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 3, 48, 40), np.uint8))
    plain, folded = (Lite0Features(folded)(pictures) for folded in (False, True))
    assert torch.allclose(plain, folded, atol=1e-4 * plain.abs().max().item()) and plain.abs().max() > 0.1
    left = [m for m in Lite0Features().network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert left == []
