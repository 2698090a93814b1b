"""A backend of somebody else's package: a session, a builder and a row, found by its entry point."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = {
    "toy_backend/__init__.py": """
from edgegan.core.backends import Backend

ROW = Backend(
    session="toy_backend.session", builder="toy_backend.builder:BUILDER", packages=("torch",), extra="", suffix=".pt2"
)
""",
    "toy_backend/session.py": """
import torch
import torchao.quantization.pt2e  # the operators of int8

from edgegan.runtime.session import Session


class VendorSession(Session):
    def _open(self):
        self._program = torch.export.load(self.manifest.artifact).module(check_guards=False)

    def _run(self, arrays):
        return self._program(*(torch.from_numpy(a) for a in arrays)).detach().numpy()
""",
    "toy_backend/builder.py": """
from edgegan.compress.backends.contract import Artifact, Made, Variant
from edgegan.graph.graph import save
from edgegan.quantize import pt2e
from edgegan.quantize.scheme import Scheme


class ToyBuilder:
    label = "Toy"
    scheme = Scheme(name="toy", symmetric=True)
    channels_last = False
    composes = True
    weight_bits = (8,)
    requirement = None
    stand_in = None

    def variants(self, precision, parts):
        return (Variant(),) if precision in ("fp32", "int8") else ()

    def forms(self, precision):
        return ("phase",)

    def rest_precisions(self, plan, macs):
        return ()

    def ready(self, graph):
        return graph

    def make(self, form, plan, scheme, target, folder):
        graph, notes = form.graph, ()
        if plan.precision == "int8":
            done = pt2e.quantize(graph, scheme, form.batches(), plan.raised_layers, plan.float_parts)
            graph, notes = done.value, done.notes
        return self._saved(form.ended(graph), folder, notes)

    def convert(self, graph, target, folder):
        return self._saved(graph, folder, ())

    def _saved(self, graph, folder, notes):
        path = folder / "g.pt2"
        save(graph, path)
        return Made(Artifact(path, "toy"), notes)


BUILDER = ToyBuilder()
""",
    "toy_backend-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: toy-backend\nVersion: 1.0\n",
    "toy_backend-1.0.dist-info/entry_points.txt": "[edgegan.backends]\ntoy = toy_backend:ROW\n",
    "toy.toml": """
description = "a machine that knows toy alone"
runtimes = ["toy"]
precisions = ["int8", "fp32"]
runs_here = true
""",
    "subject.py": """
import sys
sys.path.insert(0, {root!r})
from tests.subjects import TinyDcgan, randomized
def latent(): return randomized(TinyDcgan())
""",
}


@pytest.fixture
def package(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("{root!r}", repr(str(Path(__file__).parents[2]))))
    return tmp_path


def edgegan(package, *arguments):
    command = [sys.executable, "-m", "edgegan.cli.app", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(package)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=package)


@pytest.mark.slow
def test_compressing_measuring_and_running_with_it(package):
    """Layers are timed, candidates built, measured and chosen, the artifact loaded; nothing of EdgeGAN was changed."""
    out = package / "out"
    options = ["--target", package / "toy.toml", "--min-psnr", "18", "--threads", "1", "--fd-samples", "0"]
    done = edgegan(
        package, "compress", f"{package}/subject.py:latent", "--input", "latent:8x1x1", *options, "--out", out
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((out / "report.json").read_text())
    named = {row["name"]: row for row in report["candidates"]}
    assert {"toy-phase-int8", "toy-phase-fp32"} <= set(named) and report["result"]["artifact"] == "g.pt2"
    assert all(row["latency_ms"]["p50"] > 0 and row["passed"] for row in named.values())
    assert named["toy-phase-fp32"]["quality"]["psnr_db"] > 90 > named["toy-phase-int8"]["quality"]["psnr_db"]
    shown = edgegan(package, "inspect", out / "g.pt2", "--json")
    assert shown.returncode == 0 and json.loads(shown.stdout)["manifest"]["backend"] == "toy", shown.stderr


def test_a_backend_that_nobody_knows_is_named(package):
    (package / "toy.toml").write_text((package / "toy.toml").read_text().replace('"toy"', '"tyo"'))
    done = edgegan(package, "compress", "fashion-dcgan", "--target", package / "toy.toml")
    assert done.returncode == 2 and "'tyo'" in done.stderr and "toy" in done.stderr
