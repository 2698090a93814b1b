import json

import numpy as np
import pytest

from edgegan.core.errors import ArtifactError
from edgegan.export.bundle import read_bundle, write_bundle
from tests.archives import rewrite_archive


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / "graph.onnx").write_bytes(b"graph" * 100)
    return write_bundle(
        tmp_path / "g.edgegan", tmp_path / "graph.onnx", {"precision": "int8"}, {"image": np.ones((2, 3), np.float32)}
    )


def test_what_was_packed_is_read(bundle):
    read = read_bundle(bundle)
    assert read.onnx == b"graph" * 100 and read.description["precision"] == "int8" and (read.check["image"] == 1).all()


@pytest.mark.parametrize("change", [
    lambda c: c.update({"g.onnx": b"other"}), lambda c: c.update({"../evil": b"x"}), lambda c: c.pop("check.npz"),
    lambda c: c.update({"bundle.json": b"{"}),
    lambda c: c.update({"bundle.json": json.dumps({"schema": 9}).encode()}), lambda c: c.update({"check.npz": b"PK"}),
])  # fmt: skip
def test_a_tampered_bundle_is_refused(bundle, change):
    rewrite_archive(bundle, change)
    with pytest.raises(ArtifactError):
        read_bundle(bundle)


def test_a_cut_bundle_is_refused(bundle):
    bundle.write_bytes(bundle.read_bytes()[:-30])
    with pytest.raises(ArtifactError, match="damaged"):
        read_bundle(bundle)
