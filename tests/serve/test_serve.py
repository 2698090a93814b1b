"""The service as a client sees it: a real server in a process of its own, over HTTP."""

import io
import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image

from edgegan.runtime import load
from tests.conftest import LATENT, PHOTO, make_null


@pytest.fixture
def served(tmp_path):
    """Start ``edgegan serve`` on an artifact; returns its address."""
    started = []

    def start(spec):
        artifact = make_null(tmp_path / "g.null", spec)
        process = subprocess.Popen(
            [sys.executable, "-m", "edgegan.cli.app", "serve", str(artifact), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        line = process.stdout.readline()
        return artifact, re.search(r"http://\S+", line)[0], process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def post(url, body):
    with urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST"), timeout=30) as answer:
        return np.asarray(Image.open(io.BytesIO(answer.read())))


def test_pictures_are_those_of_the_runtime(served):
    artifact, url, process = served(LATENT)
    assert json.load(urllib.request.urlopen(url + "health")) == {"status": "ok"}
    assert "<title>EdgeGAN" in urllib.request.urlopen(url).read().decode()
    assert json.load(urllib.request.urlopen(url + "manifest"))["model"] == "tiny"
    np.testing.assert_array_equal(post(url + "images", b'{"seed": 3}'), load(artifact).sample(1, seed=3)[0])
    assert post(url + "images", b'{"count": 9, "seed": 3}').shape == (2 * 18 + 2, 8 * 18 + 2, 3)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) in (0, 130)


def test_a_picture_is_translated_whatever_its_size(served):
    _artifact, url, _ = served(PHOTO)
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8)).save(buffer, "PNG")
    assert post(url + "image", buffer.getvalue()).shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("images", b"{", "not JSON"), ("images", b'{"number": 3}', "count"), ("images", b'{"count": 0}', "between 1"),
        ("images", b'{"count": 100000}', "between 1"),
        ("images", b'{"seed": "x"}', "whole number"), ("images", b'{"fixed": {"w": 1}}', "no input"),
        ("image", b"abc", "takes no picture"),
    ],
)  # fmt: skip
def test_bad_requests_are_told_what_to_do(served, path, body, words):
    _, url, _ = served(LATENT)
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(url + path, body)
    assert refused.value.code == 422 and words in json.load(refused.value)["error"]


def test_what_is_no_picture_is_refused(served):
    _, url, _ = served(PHOTO)
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(url + "image", b"no picture")
    assert refused.value.code == 422 and "picture" in json.load(refused.value)["error"]


def test_a_port_in_use_is_told(served, tmp_path):
    artifact, url, _ = served(LATENT)
    done = subprocess.run(
        [sys.executable, "-m", "edgegan.cli.app", "serve", str(artifact), "--port", re.search(r":(\d+)/", url)[1]],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 8 and "--port" in done.stderr
