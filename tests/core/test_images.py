import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from edgegan.core.errors import UsageError
from edgegan.core.images import grid, read_images, write_png


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (6, 10, 12, 3), dtype=np.uint8)


def test_arrays_in_either_layout(tmp_path, pictures):
    np.savez(tmp_path / "a.npz", images=pictures)
    np.save(tmp_path / "b.npy", pictures.transpose(0, 3, 1, 2))
    np.save(tmp_path / "c.npy", pictures.astype(np.float32) / 255)
    np.save(tmp_path / "d.npy", pictures.astype(np.float32) / 127.5 - 1)
    for name in ("a.npz", "b.npy", "c.npy", "d.npy"):
        assert (read_images(tmp_path / name) == pictures).all(), name


def test_a_folder_is_brought_to_size(tmp_path, pictures):
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).resize((40 + i, 30)).save(tmp_path / f"{i}.png")
    assert read_images(tmp_path, size=(16, 16), channels=3).shape == (6, 16, 16, 3)
    assert read_images(tmp_path, size=(16, 16), channels=1).shape == (6, 16, 16, 1)


def test_one_broken_image_in_many_is_left_out_and_many_are_refused(tmp_path, pictures):
    for i in range(12):
        Image.fromarray(pictures[0]).save(tmp_path / f"{i}.png")
    (tmp_path / "broken.png").write_bytes(b"no image")
    assert len(read_images(tmp_path)) == 12
    for i in range(4):
        (tmp_path / f"worse{i}.png").write_bytes(b"no image")
    with pytest.raises(UsageError, match="cannot be read"):
        read_images(tmp_path)


def test_idx_files(tmp_path, pictures):
    grey = pictures[..., 0]
    data = b"\0\0\x08\x03" + struct.pack(">3I", *grey.shape) + grey.tobytes()
    (tmp_path / "a-idx3-ubyte").write_bytes(data)
    (tmp_path / "a-idx3-ubyte.gz").write_bytes(gzip.compress(data))
    for name in ("a-idx3-ubyte", "a-idx3-ubyte.gz"):
        padded = read_images(tmp_path / name, size=(12, 12))
        assert (padded[:, 1:11, :, 0] == grey).all() and padded.shape == (6, 12, 12, 1)
    (tmp_path / "cut-idx3-ubyte").write_bytes(data[:-5])
    with pytest.raises(UsageError, match="cut-idx3-ubyte"):
        read_images(tmp_path / "cut-idx3-ubyte")


@pytest.mark.parametrize("size", [(4, 4), (20, 20), (20, 40)])
def test_arrays_of_another_size_are_resized_as_files_are(tmp_path, pictures, size):
    np.savez(tmp_path / "a.npz", pictures)
    (tmp_path / "files").mkdir()
    for index, picture in enumerate(pictures):
        write_png(tmp_path / "files" / f"{index}.png", picture)
    found = read_images(tmp_path / "a.npz", size=size)
    assert (found == read_images(tmp_path / "files", size=size)).all() and found.shape == (6, *size, 3)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 4, 4, 3), np.uint8),
        np.zeros((2, 4, 4, 5), np.uint8),
        np.full((2, 4, 4, 3), np.nan, np.float32),
        np.full((2, 4, 4, 3), 9.0, np.float32),
        np.zeros((2, 4, 4, 3), np.int32),
    ],
)
def test_what_is_no_picture_is_refused_by_name(tmp_path, array):
    np.save(tmp_path / "odd.npy", array)
    with pytest.raises(UsageError, match=r"odd\.npy"):
        read_images(tmp_path / "odd.npy")


def test_a_pickle_in_npz_is_not_run(tmp_path):
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match=r"evil\.npy"):
        read_images(tmp_path / "evil.npy")


def test_png_is_read_back_by_pillow(tmp_path, pictures):
    write_png(tmp_path / "sheet.png", grid(pictures, 3))
    back = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert (back[2:12, 2:14] == pictures[0]).all() and back.shape == (26, 44, 3)
