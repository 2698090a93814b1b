"""``edgegan compress --prune 0.5`` with distillation, fashion-dcgan: what it saves, and what the pictures lose.

Aims: at least 3 times fewer multiply-accumulates; fd_lite0 against real test images at most 1.15 times the uncompressed
model's. Both networks are counted in the same, native form. Needs the Debian package dataset-fashion-mnist.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.common import publish, shared_inputs, subject
from edgegan.bench.quality import SetDistances
from edgegan.cli.console import ConsoleProgress
from edgegan.compress import compress
from edgegan.compress.options import Options
from edgegan.core.images import read_images
from edgegan.core.sampling import float_to_image
from edgegan.core.target import load_target
from edgegan.graph import cost
from edgegan.graph.graph import load
from edgegan.runtime import load as load_artifact

REAL = Path("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz")
SAMPLES = 5000


def main() -> None:
    _, original = subject()
    with tempfile.TemporaryDirectory() as folder, ConsoleProgress() as progress:
        out = Path(folder) / "out"
        report = compress(Options(target=load_target("x86-cpu"), out=out, prune=0.5, threads=2, fd_samples=0), progress)
        pruned = load(out / "stages" / "pruned.pt2", original.spec, 1)
        inputs = shared_inputs(original, SAMPLES)
        with load_artifact(out / report.result["artifact"], threads=2) as generator:
            artifact = generator.images(inputs)
        judge = SetDistances(read_images(REAL, size=(32, 32), limit=SAMPLES))
        pictures = {"original": original.run(inputs), "pruned, float": pruned.run(inputs), f"pruned, {report.result['name']}": artifact}
        figures = {name: judge.against(float_to_image(images, (-1, 1))) for name, images in pictures.items()}
    base = figures["original"]["fd_lite0"]
    counts = {"original": original, "pruned, float": pruned}
    rows = [[name, f"{cost.macs(counts[name]) / 1e6:.2f}" if name in counts else "", f"{f['fd_lite0']:.2f}", f"{f['fd_lite0'] / base:.3f}", f"{f['kid_lite0'] * 1e3:.2f}"] for name, f in figures.items()]
    fewer = cost.macs(original) / cost.macs(pruned)
    last = list(figures)[-1]
    ratio = figures[last]["fd_lite0"] / base
    aims = {f"{fewer:.2f} times fewer multiply-accumulates (aim: 3)": fewer >= 3, f"fd_lite0 of the artifact is {ratio:.3f} times the original's (aim: 1.15)": ratio <= 1.15}
    content = {"figures": figures, "macs_ratio": fewer, "fd_ratio": ratio, "samples": SAMPLES, "macs": {"original": cost.macs(original), "pruned": cost.macs(pruned)}, "stages": report.content["stages"]}
    publish("prune", f"fashion-dcgan, --prune 0.5, {SAMPLES} samples against as many real test images", ["network", "MACs M", "fd_lite0", "ratio", "kid_lite0 x1000"], rows, content, aims)


if __name__ == "__main__":
    main()
