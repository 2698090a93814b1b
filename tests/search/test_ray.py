"""A study whose trials run on a Ray cluster of two nodes, of which one is lost midway; in a process of its own, as Ray
starts processes that outlive what asked for them."""

import importlib.util
import json
import subprocess
import sys

import pytest

from edgegan.cli.app import run
from tests.compress.conftest import model

__all__ = ["model"]
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: edgegan[cluster]")

PROGRAM = """
import json, sys, threading, time
from pathlib import Path
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
other = cluster.add_node(num_cpus=1)
import ray
ray.init(address=cluster.address, log_to_driver=False)

lost = []

def lose():
    while not any(Path(sys.argv[1]).glob("runs/*")):
        time.sleep(0.05)
    cluster.remove_node(other, allow_graceful=False)
    lost.append(time.monotonic())

threading.Thread(target=lose, daemon=True).start()
from edgegan.cli.app import run
code = run(sys.argv[2:] + ["--out", sys.argv[1], "--ray", cluster.address])
print(json.dumps({"code": code, "lost": len(lost), "alive": sum(node["Alive"] for node in ray.nodes())}))
ray.shutdown()
cluster.shutdown()
"""


@needs_ray
@pytest.mark.slow
def test_a_study_on_two_nodes_ends_although_one_is_lost(model, tmp_path):
    arguments = [
        "search", f"{model}:latent", "--input", "latent:8x1x1", "--target", "mobile", "--trials", "4",
        "--quality", "psnr", "--distill-steps", "16", "--min-psnr", "15", "--calibration-samples", "16",
        "--fd-samples", "0", "--threads", "1",
    ]  # fmt: skip
    program = [sys.executable, "-c", PROGRAM, str(tmp_path / "out"), *arguments]
    done = subprocess.run(program, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"code": 0, "lost": 1, "alive": 1}
    content = json.loads((tmp_path / "out" / "search.json").read_text())
    assert [trial["number"] for trial in content["trials"]] == [0, 1, 2, 3]
    assert "complete" in {trial["state"] for trial in content["trials"]} and content["front"]


@needs_ray
def test_a_cluster_that_is_not_there_is_said(model, tmp_path, capsys):
    arguments = ["search", f"{model}:latent", "--input", "latent:8x1x1", "--target", "mobile", "--trials", "1"]
    assert run([*arguments, "--out", str(tmp_path), "--ray", "127.0.0.1:1x"]) == 2
    assert "--ray 127.0.0.1:1x" in capsys.readouterr().err
