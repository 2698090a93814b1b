"""PNG files held against Pillow's reading of them."""

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edgegan.core.png import png


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 3]), st.integers(0, 1000))
def test_pillow_reads_what_was_written(height, width, channels, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    with Image.open(io.BytesIO(png(image))) as read:
        assert read.mode == ("L" if channels == 1 else "RGB")
        np.testing.assert_array_equal(np.asarray(read).reshape(image.shape), image)


def test_a_smooth_picture_takes_little():
    ramp = np.linspace(0, 255, 256).astype(np.uint8)
    picture = np.broadcast_to((ramp[:, None] // 2 + ramp[None] // 2)[..., None], (256, 256, 3))
    assert len(png(picture)) < picture.nbytes / 10
