"""Pictures and videos of any size through a small generator of fixed size (SRVGG x4, 64x64 in, float32): memory, seams,
and frames a second beside what the latency of the artifact itself allows.

``python -m benchmarks.media``; needs Debian's lomiri-wallpapers-20.04 and the extra [video].
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

from benchmarks.common import publish
from benchmarks.generators import restoration
from benchmarks.photographs import FOLDER
from edgegan.compress.backends.contract import Artifact
from edgegan.core.images import image_files
from edgegan.core.manifest import read_manifest, write_manifest
from edgegan.core.sampling import float_to_image, pixels_to_float, sample_inputs
from edgegan.core.spec import GeneratorSpec, parse_input
from edgegan.export.onnx import export_onnx
from edgegan.graph.capture import capture
from edgegan.graph.equivariance import tiling
from edgegan.runtime import Generator, load
from edgegan.runtime.tiles import mosaic

SIDE, SCALE, THREADS = 64, 4, 2
PHOTOGRAPH, CROP, VIDEO, FRAMES = (4000, 3000), (400, 300), (1280, 720), 4
MEMORY_GIB, LEVELS, SHARE = 1.5, 1, 0.9
"""Aims: peak memory of the command on PHOTOGRAPH; levels of 255 at a seam; frames a second over what latency allows."""


def artifact(folder: Path) -> tuple[Path, Callable[[np.ndarray], np.ndarray]]:
    """The generator for ONNX Runtime, its manifest saying how to cut; and the network on pictures of any size."""
    spec = GeneratorSpec(inputs=(parse_input(f"image:3x{SIDE}x{SIDE}@0,1", "x"),), output_range=(0.0, 1.0))
    network = restoration.srvgg_16().eval()
    graph = capture(network, spec)
    path = folder / "g.onnx"
    export_onnx(graph, path)
    made = Artifact(path, "onnxruntime")
    made.write_manifest(graph, precision="fp32", target="x86-cpu", model="srvgg-16", weights_sha256="")
    found, sentence = tiling(graph, sample_inputs(spec.inputs, 1, 0))
    assert found is not None, sentence
    write_manifest(path, {**read_manifest(path).content, "tiling": found.to_json()})

    @torch.no_grad()
    def draw(tiles: np.ndarray) -> np.ndarray:
        return float_to_image(network(torch.from_numpy(pixels_to_float(tiles, (0, 1)))).numpy(), (0, 1))

    return path, draw


def seams(path: Path, draw: Callable[[np.ndarray], np.ndarray], pixels: np.ndarray) -> int:
    """The largest difference between tiles and the network on the whole picture, in levels."""
    with load(path, threads=THREADS) as generator:
        cut = generator.tiling
    assert cut is not None
    tiles = mosaic(pixels.shape[:2], (SIDE, SIDE), cut)
    tiled = np.concatenate(list(tiles.bands(pixels, draw)))
    return int(np.abs(tiled.astype(int) - draw(pixels[None])[0]).max())


def peak_gib(path: Path, photograph: Path, folder: Path) -> tuple[float, float]:
    """Peak memory and seconds of ``edgegan run`` on the photograph."""
    command = [str(Path(sys.executable).parent / "edgegan"), "run", str(path), str(photograph), "--out", str(folder)]
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, capture_output=True); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    return int(done.stdout) * 1024 / 2**30, time.perf_counter() - began


def frames(generator: Generator, pixels: np.ndarray) -> tuple[float, float]:
    """Frames a second of ``stream``, and what the tiles of a frame at the artifact's own latency would allow."""
    inputs = sample_inputs(generator.inputs, 1, 0)
    calls, began = 0, time.perf_counter()
    while time.perf_counter() - began < 3:
        generator.run(inputs)
        calls += 1
    alone = (time.perf_counter() - began) / calls
    cut = generator.tiling
    assert cut is not None
    plan = mosaic(pixels.shape[:2], (SIDE, SIDE), cut)
    tiles = len(plan.rows.starts) * len(plan.columns.starts)
    began = time.perf_counter()
    for _ in generator.stream([pixels] * FRAMES):
        pass
    return FRAMES / (time.perf_counter() - began), 1 / (alone * tiles)


def main() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        path, draw = artifact(folder)
        photograph = Image.open(image_files(FOLDER)[0]).convert("RGB")
        photograph.resize(PHOTOGRAPH).save(folder / "photo.jpg", quality=95)
        levels = seams(path, draw, np.asarray(photograph.resize(CROP)))
        with load(path, threads=THREADS) as generator:
            rate, allowed = frames(generator, np.asarray(photograph.resize(VIDEO)))
        memory, seconds = peak_gib(path, folder / "photo.jpg", folder / "out")
    content = {
        "levels": levels,
        "frames_a_second": rate,
        "allowed_a_second": allowed,
        "peak_gib": memory,
        "seconds": seconds,
        "scale": str(Fraction(SCALE)),
    }
    verdicts = {
        f"{PHOTOGRAPH[0]}x{PHOTOGRAPH[1]} x{SCALE}: peak {memory:.2f} GiB (aim: {MEMORY_GIB})": memory < MEMORY_GIB,
        f"seams: {levels} levels of 255 (aim: at most {LEVELS})": levels <= LEVELS,
        f"{rate / allowed:.3f} of the frames that latency allows (aim: {SHARE})": rate >= SHARE * allowed,
    }
    cells = [
        [f"{VIDEO[0]}x{VIDEO[1]}", f"{rate:.3f}", f"{allowed:.3f}", f"{memory:.2f}", f"{seconds:.0f}", str(levels)]
    ]
    columns = ["frames", "a second", "allowed", "photograph GiB", "s", "seam levels"]
    publish("media", "SRVGG x4 by tiles of 64x64", columns, cells, content, verdicts)


if __name__ == "__main__":
    main()
