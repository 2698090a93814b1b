import hashlib
import json
import zipfile

import numpy as np
import pytest

from edgegan.core.errors import ArtifactError
from edgegan.export.bundle import unpack_bundle, write_bundle
from tests.archives import rewrite_archive

PICTURES = np.ones((2, 3, 4, 4), np.float32)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "unpacked").mkdir()
    return tmp_path / "unpacked"


@pytest.fixture
def bundle(tmp_path):
    variants = [
        ({"name": "int8", "precision": "int8"}, b"graph" * 100),
        ({"name": "plain", "precision": "fp32"}, b"other graph"),
    ]
    check = {"input_z": np.zeros((2, 8), np.float32), "image": PICTURES}
    weights = tmp_path / "weights"
    weights.write_bytes(b"weights" * 99)
    return write_bundle(tmp_path / "g.edgegan", {"model": "m"}, variants, weights, check)


def edited(change):
    """A change of ``bundle.json``."""

    def edit(contents):
        header = json.loads(contents["bundle.json"])
        change(header)
        contents["bundle.json"] = json.dumps(header).encode()

    return edit


def test_what_was_packed_is_unpacked(bundle, folder):
    read = unpack_bundle(bundle, folder)
    assert [(v.name, v.precision) for v in read.variants] == [("int8", "int8"), ("plain", "fp32")]
    assert read.variants[0].onnx.read_bytes() == b"graph" * 100
    assert (folder / "weights.bin").read_bytes() == b"weights" * 99
    assert (read.images == PICTURES).all() and read.original is read.images and read.inputs["z"].shape == (2, 8)


def test_a_bundle_of_schema_1_is_read(tmp_path, folder):
    arrays = tmp_path / "check.npz"
    np.savez(arrays, input_z=np.zeros((2, 8)), image=PICTURES)
    contents = {"g.onnx": b"graph", "check.npz": arrays.read_bytes()}
    files = [{"name": n, "bytes": len(d), "sha256": hashlib.sha256(d).hexdigest()} for n, d in contents.items()]
    header = {"schema": 1, "files": files, "precision": "fp16", "manifest": {}}
    with zipfile.ZipFile(tmp_path / "old.edgegan", "w") as archive:
        for name, data in (contents | {"bundle.json": json.dumps(header).encode()}).items():
            archive.writestr(name, data)
    read = unpack_bundle(tmp_path / "old.edgegan", folder)
    assert [(v.name, v.precision, v.onnx.read_bytes()) for v in read.variants] == [("g", "fp16", b"graph")]


@pytest.mark.parametrize("change,told", [
    (lambda c: c.update({"int8.onnx": b"other"}), "5 bytes"),
    (lambda c: c.update({"int8.onnx": b"grapH" * 100}), "is not what"),
    (lambda c: c.update({"../evil": b"x"}), "lists"),
    (lambda c: c.pop("check.npz"), "lists"),
    (lambda c: c.update({"bundle.json": b"{"}), "damaged"),
    (lambda c: c.update({"bundle.json": b"[]"}), "damaged"),
    (lambda c: c.update({"bundle.json": json.dumps({"schema": 9}).encode()}), "schema 9"),
    (lambda c: c.pop("bundle.json"), "is not a bundle"),
    (edited(lambda h: h["files"][0].update(name="/tmp/evil.onnx")), "lists"),
    (edited(lambda h: h.update(variants=[])), "no variant"),
    (edited(lambda h: h["variants"][0].update(name="there-is-none")), "without its file"),
    (edited(lambda h: h["files"][0].update(bytes=-1)), "damaged"),
    (edited(lambda h: h["files"][0].update(sha256=None)), "damaged"),
])  # fmt: skip
def test_a_tampered_bundle_is_refused(bundle, folder, change, told):
    rewrite_archive(bundle, change)
    with pytest.raises(ArtifactError, match=told):
        unpack_bundle(bundle, folder)


@pytest.mark.parametrize("name", ["../evil.onnx", "/evil.onnx", "a/b.onnx", "..", ".hidden.onnx", "c:evil.onnx"])
def test_no_file_leaves_the_folder(bundle, folder, name):
    def moved(contents):
        contents[name] = contents.pop("int8.onnx")

    rewrite_archive(bundle, edited(lambda header: header["files"][0].update(name=name)))
    rewrite_archive(bundle, moved)
    with pytest.raises(ArtifactError, match="no name of a bundle's file"):
        unpack_bundle(bundle, folder)
    assert not list(folder.parent.glob("evil*"))


def test_a_bundle_that_unpacks_to_more_than_it_says_is_refused(bundle, folder):
    """The archive's own directory lies about the size of one entry."""
    data = bytearray(bundle.read_bytes())
    place = data.rindex(b"int8.onnx") - 46
    assert data[place : place + 4] == b"PK\x01\x02"
    data[place + 24 : place + 28] = (7).to_bytes(4, "little")
    bundle.write_bytes(bytes(data))
    rows = json.loads(zipfile.ZipFile(bundle).read("bundle.json"))
    assert rows["files"][0]["bytes"] == 500
    with pytest.raises(ArtifactError, match="damaged"):
        unpack_bundle(bundle, folder)


def test_a_bundle_too_large_to_unpack_is_refused_before_it_is(bundle, folder, monkeypatch):
    monkeypatch.setattr("edgegan.export.bundle.LARGEST", 100)
    with pytest.raises(ArtifactError, match="unpacks to more"):
        unpack_bundle(bundle, folder)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("left", [0, 10, 300, -30])
def test_a_cut_bundle_is_refused(bundle, folder, left):
    bundle.write_bytes(bundle.read_bytes()[:left])
    with pytest.raises(ArtifactError, match="damaged"):
        unpack_bundle(bundle, folder)
