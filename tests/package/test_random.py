"""Latents of other languages against NumPy's own."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgegan.core.sampling import draw
from edgegan.core.spec import TensorSpec

NODE = shutil.which("node")
RANDOM = Path(__file__).parents[2] / "edgegan/package/site/random.js"
SCRIPT = """
import {{ drawn }} from {module};
for (const [input, count, seed, index] of {cases}) {{
  const values = drawn(input, count, seed, index);
  process.stdout.write(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
}}
"""
INPUTS = (
    {"kind": "latent", "shape": (100, 1, 1)},
    {"kind": "latent", "shape": (5000,)},
    {"kind": "latent", "shape": (64,), "truncation": 0.7},
    {"kind": "latent", "shape": (64,), "truncation": 1.5},
    {"kind": "label", "shape": (), "classes": 10},
    {"kind": "label", "shape": (), "classes": 1},
    {"kind": "onehot", "shape": (7,), "classes": 7},
)
SEEDS = ((3, 0, 0), (5, 1, 1), (8, 2**32 - 1, 0), (4, 2**40 + 7, 2))


@pytest.mark.skipif(NODE is None, reason="no node on this machine")
def test_the_browser_draws_the_numbers_of_python_bit_for_bit(tmp_path):
    specs = [TensorSpec(name="x", **given) for given in INPUTS]
    cases = [(spec, *seed) for spec in specs for seed in SEEDS]
    described = [
        ({"kind": s.kind, "shape": [None, *s.shape], "truncation": s.truncation, "classes": s.classes}, *rest)
        for s, *rest in cases
    ]
    (tmp_path / "draw.mjs").write_text(SCRIPT.format(module=json.dumps(RANDOM.as_uri()), cases=json.dumps(described)))
    drawn = subprocess.run([NODE, str(tmp_path / "draw.mjs")], capture_output=True, check=True).stdout
    for spec, count, seed, index in cases:
        wanted = draw(spec, count, np.random.default_rng([seed, index]))
        own, drawn = drawn[: wanted.nbytes], drawn[wanted.nbytes :]
        assert np.array_equal(np.frombuffer(own, wanted.dtype).reshape(wanted.shape), wanted), (spec, seed)
    assert not drawn
