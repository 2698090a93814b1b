"""``edgegan compress --prune 0.5`` with distillation, fashion-dcgan: what it saves, and what the pictures lose.

Aims: at least 3 times fewer multiply-accumulates; fd_lite0 against real test images at most 1.15 times the uncompressed
model's. Both networks are counted in the same, native form. The distance is biased upwards by a term that falls with
the number of pictures and is the same for every network, so the ratio is told for several counts, and the aim is judged
by the largest. Needs the Debian package dataset-fashion-mnist.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.common import publish, shared_inputs, subject
from edgegan.cli.console import ConsoleProgress
from edgegan.compress import compress
from edgegan.core.images import read_images
from edgegan.core.sampling import float_to_image
from edgegan.graph import cost
from edgegan.graph.graph import load
from edgegan.metrics.distances import frechet_distance, kernel_distance
from edgegan.metrics.features import Lite0Features, extract
from edgegan.runtime import load as load_artifact

REAL = Path("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz")
COUNTS = (512, 1000, 2500)
STEPS = 12000


def main() -> None:
    _, original = subject()
    inputs = shared_inputs(original, COUNTS[-1])
    with tempfile.TemporaryDirectory() as folder, ConsoleProgress() as progress:
        out = Path(folder) / "out"
        report = compress(
            "fashion-dcgan",
            "x86-cpu",
            out=out,
            prune=0.5,
            distill_steps=STEPS,
            threads=2,
            fd_samples=0,
            progress=progress,
        )
        pruned = load(out / "stages" / "pruned.pt2", original.spec, 1)
        with load_artifact(out / report.result["artifact"], threads=2) as generator:
            pictures = {
                "original": original.run(inputs),
                "pruned, float": pruned.run(inputs),
                f"pruned, {report.result['name']}": generator.images(inputs),
            }
    network = Lite0Features()
    real = extract(read_images(REAL, size=(32, 32), limit=COUNTS[-1]), network)
    features = {name: extract(float_to_image(images, (-1, 1)), network) for name, images in pictures.items()}
    distances = {name: {n: frechet_distance(real[:n], found[:n]) for n in COUNTS} for name, found in features.items()}
    kernels = {name: kernel_distance(real, found) for name, found in features.items()}
    ratios = {name: {n: distances[name][n] / distances["original"][n] for n in COUNTS} for name in distances}
    counts = {"original": cost.macs(original), "pruned, float": cost.macs(pruned)}
    rows = [
        [
            name,
            f"{counts[name] / 1e6:.2f}" if name in counts else "",
            *(f"{distances[name][n]:.2f} ({ratios[name][n]:.3f})" for n in COUNTS),
            f"{kernels[name] * 1e3:.2f}",
        ]
        for name in distances
    ]
    fewer, ratio = counts["original"] / counts["pruned, float"], list(ratios.values())[-1][COUNTS[-1]]
    aims = {
        f"{fewer:.2f} times fewer multiply-accumulates (aim: 3)": fewer >= 3,
        f"fd_lite0 of the artifact at {COUNTS[-1]} pictures is {ratio:.3f} times the original's (aim: 1.15)": ratio
        <= 1.15,
    }
    content = {
        "macs": counts,
        "macs_ratio": fewer,
        "fd_lite0": distances,
        "fd_ratio": ratios,
        "kid_lite0": kernels,
        "distill_steps": STEPS,
        "stages": report.content["stages"],
    }
    publish(
        "prune",
        f"fashion-dcgan, --prune 0.5 --distill-steps {STEPS}; fd_lite0 and its ratio by number of pictures",
        ["network", "MACs M", *map(str, COUNTS), "kid_lite0 x1000"],
        rows,
        content,
        aims,
    )


if __name__ == "__main__":
    main()
