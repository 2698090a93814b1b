"""Time per layer by each vendor's own profiler, of artifacts that the vendors run."""

import json

import pytest

from edgegan.bench.profile.litert_c import DELEGATE_TAGS, Event, operators
from edgegan.bench.profile.run import profile
from edgegan.core.errors import DeviceError
from edgegan.core.files import sha256
from edgegan.graph.capture import capture
from tests.artifacts import artifact
from tests.conftest import LATENT
from tests.subjects import TinyDcgan, randomized

KINDS = {"onnxruntime": "Conv", "openvino": "onv", "litert": "onv"}
"""What the vendor calls a convolution, somewhere in an operator's name."""


@pytest.fixture(scope="module")
def graph():
    return capture(randomized(TinyDcgan()), LATENT)


@pytest.mark.slow
@pytest.mark.parametrize("backend", KINDS)
def test_every_layer_has_its_time_and_none_is_counted_twice(backend, graph, tmp_path):
    found, reason = profile(artifact(backend, tmp_path, graph), 1, 0.3)
    assert reason is None and found["calls"] >= 10
    assert 0 < found["sum_ms"] <= 1.05 * found["whole_ms"]
    assert sum(layer["ms"] for layer in found["layers"]) == pytest.approx(found["sum_ms"])
    assert sum(layer["share"] for layer in found["layers"]) == pytest.approx(1)
    assert any(KINDS[backend] in layer["operator"] for layer in found["layers"])


def test_a_backend_without_a_profiler_says_so(null_artifact):
    assert profile(null_artifact, 1, 0.1) == (None, "null tells no time of its layers")


@pytest.mark.slow
def test_a_profiler_that_fails_is_an_error_with_its_last_words(graph, tmp_path):
    path = artifact("onnxruntime", tmp_path, graph)
    content = json.loads(path.with_name("g.onnx.json").read_text())
    path.write_bytes(path.read_bytes()[:200])
    content["files"][0] |= {"bytes": 200, "sha256": sha256(path)}
    path.with_name("g.onnx.json").write_text(json.dumps(content))
    with pytest.raises(DeviceError, match=r"that profiles .* ended with"):
        profile(path, 1, 0.1)


def test_what_a_delegate_does_is_counted_by_its_operators():
    """Within XNNPACK its operators count, not the delegate around them; beside it LiteRT's own do. Two delegates number
    their operators alike."""
    inside = [Event(tag=b"Convolution", kind=8, elapsed_us=us, index=0) for us in (30, 20)]
    around = [Event(tag=tag, kind=2, elapsed_us=40, index=2) for tag in DELEGATE_TAGS]
    own = Event(tag=b"GATHER", kind=2, elapsed_us=7, index=3)
    whole = Event(tag=b"Invoke", kind=1, elapsed_us=50)
    unended = Event(tag=b"Invoke", kind=32, elapsed_us=1 << 32)
    assert operators([whole, *inside, *around, own, unended]) == [
        ("Convolution", 30),
        ("Convolution", 20),
        ("GATHER", 7),
    ]
