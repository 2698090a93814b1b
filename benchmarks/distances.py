"""``fd_lite0`` of 10,000 pictures at 64x64, half of them real, against torchmetrics' own loop over the same network as
its package gives it, in turns of 250 pictures; and the memory of figures over 50,000 pictures' features.

Aims: at least as fast as torchmetrics; at most 600 MiB beyond what importing takes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from torchmetrics.image.fid import FrechetInceptionDistance

from benchmarks.common import RESULTS, publish
from edgegan.core.images import read_images
from edgegan.metrics.collected import Collected
from edgegan.metrics.distances import frechet_distance_of
from edgegan.metrics.features import Lite0Features, batches

REAL = Path(__file__).parent.parent / "calibration_data" / "photographs_64.npz"
PICTURES, SIDE, TURN, FEATURES, DIMENSIONS = 5_000, 64, 250, 50_000, 2048
RATIO, MEMORY_MIB, AGREE = 1.0, 600, 1e-4
"""The last between the figure and that of the network whose norms are not folded, which rounds elsewhere; of the same
features they agree to 1e-6 (``tests/metrics/test_collected.py``)."""
MEMORY = "--memory"
"""Given: the times at hand stay, the memory is measured again."""
FIGURES = ("ours_s", "torchmetrics_s", "ratio", "ours_fd", "torchmetrics_fd")
MEASURED = f"""
import json
import torch
from edgegan.bench.memory import own_peak_mib
from edgegan.metrics.collected import Collected
from edgegan.metrics.distances import frechet_distance_of, kernel_distance
from edgegan.metrics.manifold import precision_recall
before = own_peak_mib()
sets = []
for seed in (0, 1):
    random = torch.Generator().manual_seed(seed)
    sets.append(Collected({DIMENSIONS}))
    for _ in range({FEATURES} // 50):
        sets[-1].add(torch.randn(50, {DIMENSIONS}, generator=random))
frechet_distance_of(*sets)
kernel_distance(sets[0].kept, sets[1].kept)
precision_recall(sets[0].kept, sets[1].kept)
print(json.dumps(own_peak_mib() - before))
"""


def pictures(seed: int) -> np.ndarray:
    """uint8 (PICTURES, 64, 64, 3): pieces of photographs, moved and mirrored."""
    photographs, rng = read_images(REAL), np.random.default_rng(seed)
    chosen = photographs[rng.integers(0, len(photographs), PICTURES)]
    return np.stack([np.roll(p, tuple(rng.integers(0, SIDE, 2)), (0, 1))[:, :: rng.choice([-1, 1])] for p in chosen])


def speed() -> dict[str, float]:
    network = Lite0Features()
    theirs = FrechetInceptionDistance(feature=Lite0Features(folded=False), normalize=False)
    ours = {True: Collected(network.num_features), False: Collected(network.num_features)}
    spent = {"ours": 0.0, "torchmetrics": 0.0}
    for real, images in ((True, pictures(0)), (False, pictures(1))):
        for turn, start in enumerate(range(0, PICTURES, TURN)):
            part = images[start : start + TURN]
            for tool in ("ours", "torchmetrics") if turn % 2 else ("torchmetrics", "ours"):
                began = time.perf_counter()
                for batch in batches(part):
                    if tool == "ours":
                        ours[real].add(network(batch))
                    else:
                        theirs.update(batch, real=real)
                spent[tool] += time.perf_counter() - began
    began = time.perf_counter()
    own = frechet_distance_of(ours[True], ours[False])
    middle = time.perf_counter()
    other = float(theirs.compute())
    spent["torchmetrics"] += time.perf_counter() - middle
    spent["ours"] += middle - began
    return {
        "ours_s": spent["ours"],
        "torchmetrics_s": spent["torchmetrics"],
        "ratio": spent["torchmetrics"] / spent["ours"],
        "ours_fd": own,
        "torchmetrics_fd": other,
    }


def main() -> None:
    found = json.loads((RESULTS / "distances.json").read_text()) if sys.argv[1:] == [MEMORY] else speed()
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True)
    memory: float = json.loads(done.stdout)
    apart = abs(found["ours_fd"] / found["torchmetrics_fd"] - 1)
    aims = {
        f"{found['ratio']:.2f} times as fast as torchmetrics' loop (aim: {RATIO})": found["ratio"] >= RATIO,
        f"the two figures differ by {apart:.1e} (aim: {AGREE:.0e})": apart <= AGREE,
        f"figures over {FEATURES} pictures' features of {DIMENSIONS} dimensions take {memory:.0f} MiB "
        f"(aim: {MEMORY_MIB})": memory <= MEMORY_MIB,
    }
    publish(
        "distances",
        f"fd_lite0 of {PICTURES} pictures on either side, 64x64",
        ["", "seconds", "fd_lite0"],
        [[name, f"{found[f'{name}_s']:.1f}", f"{found[f'{name}_fd']:.6f}"] for name in ("ours", "torchmetrics")],
        {**{key: found[key] for key in FIGURES}, "memory_mib": memory},
        aims,
    )


if __name__ == "__main__":
    main()
