"""Keras files against Keras itself, saved and read anew."""

import os

import numpy as np
import pytest
import torch

from edgegan.core.errors import ModelError
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite
from edgegan.models.loading import load_model

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")


def loaded(path, *inputs, **options):
    return load_model(str(path), list(inputs), None, None, None, batch=1, **options)


@pytest.fixture(params=[".keras", ".h5"])
def dcgan(request, tmp_path):
    """As tutorials write it: dense, reshape, transposed convolutions with BatchNorm and LeakyReLU."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((16,)), layers.Dense(4 * 4 * 8, use_bias=False), layers.BatchNormalization(),
            layers.LeakyReLU(), layers.Reshape((4, 4, 8)),
            layers.Conv2DTranspose(8, 5, strides=2, padding="same", use_bias=False), layers.BatchNormalization(),
            layers.LeakyReLU(), layers.Conv2DTranspose(3, 5, strides=2, padding="same", activation="tanh"),
        ]
    )  # fmt: skip
    path = tmp_path / f"g{request.param}"
    model.save(path)
    return model, path


@pytest.mark.filterwarnings("ignore")
def test_a_latent_generator(dcgan):
    model, path = dcgan
    read = loaded(path)
    assert [(i.kind, i.shape) for i in read.spec.inputs] == [("latent", (16,))]
    z = np.random.default_rng(0).normal(size=(3, 16)).astype(np.float32)
    wanted = np.transpose(model.predict(z, verbose=0), (0, 3, 1, 2))
    with torch.no_grad():
        np.testing.assert_allclose(read.module(torch.from_numpy(z)), wanted, atol=1e-5)
    graph = capture(read.module, read.spec)
    np.testing.assert_allclose(rewrite(graph, "phase").value.run({read.spec.inputs[0].name: z}), wanted, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_a_translator_of_open_size(tmp_path):
    layers = keras.layers
    inputs = keras.Input((None, None, 3))
    hidden = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    hidden = layers.UpSampling2D(2)(layers.Conv2D(8, 4, strides=2, padding="same")(hidden))
    keras.Model(inputs, layers.Conv2D(3, 3, padding="same", activation="tanh")(hidden)).save(tmp_path / "t.keras")
    read = loaded(tmp_path / "t.keras", "image:3x16x24")
    assert read.spec.inputs[0].kind == "image" and read.spec.inputs[0].shape == (3, 16, 24)
    assert capture(read.module, read.spec).output_shape == (1, 3, 16, 24)
    with pytest.raises(ModelError, match=r"takes \?x\?x3, with sizes left open"):
        loaded(tmp_path / "t.keras")


@pytest.mark.filterwarnings("ignore")
def test_code_in_a_file_is_not_run(tmp_path):
    layers = keras.layers
    keras.Sequential([keras.Input((4,)), layers.Lambda(lambda x: x * 2)]).save(tmp_path / "code.keras")
    with pytest.raises(ModelError, match="cannot be read as a Keras file"):
        loaded(tmp_path / "code.keras")
    (tmp_path / "junk.h5").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="cannot be read as a Keras file"):
        loaded(tmp_path / "junk.h5")
