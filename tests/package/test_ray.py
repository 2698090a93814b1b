"""The application for Ray Serve on a cluster of this machine: what it answers is what Python draws."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgegan.cli.app import run
from edgegan.core.images import grid
from edgegan.graph.capture import capture
from edgegan.runtime import load
from tests.artifacts import artifact
from tests.conftest import LATENT
from tests.subjects import TinyDcgan, randomized

ROOT = Path(__file__).parents[2]
CLUSTER = """
import sys, urllib.error, urllib.request
import ray
from ray import serve
import app

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
serve.start(http_options={"port": int(sys.argv[1])})
serve.run(app.application)
address = f"http://127.0.0.1:{sys.argv[1]}"

def ask(path, body):
    try:
        return urllib.request.urlopen(urllib.request.Request(address + path, data=body), timeout=60)
    except urllib.error.HTTPError as answer:
        return answer

with open("samples.png", "wb") as file:
    file.write(ask("/images", b'{"count": 2, "seed": 7}').read())
refused = [ask("/images", b'{"count": 1000}').status, ask("/image", b"no picture").status, ask("/else", b"").status]
serve.shutdown()
print(refused)
"""


@pytest.mark.slow
def test_the_application_answers_on_a_cluster_of_ray(tmp_path):
    pytest.importorskip("ray")
    made, out = artifact("litert", tmp_path, capture(randomized(TinyDcgan()), LATENT)), tmp_path / "app"
    assert run(["package", str(made), "--for", "ray-serve", "--out", str(out)]) == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"PYTHONPATH": f"{out}:{ROOT}", "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run(
        [sys.executable, "-c", CLUSTER, str(port)], capture_output=True, text=True, cwd=out, env=os.environ | own
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().splitlines()[-1] == "[422, 422, 404]"
    with load(made) as gen, Image.open(out / "samples.png") as image:
        wanted = grid(gen.sample(2, seed=7), columns=2)
        assert np.array_equal(np.asarray(image).reshape(wanted.shape), wanted)
