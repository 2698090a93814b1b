"""Put a finished training run into the zoo: python docs/ship.py NAME RUN LICENCE

Copies the averaged weights, the loss curve and the samples, measures fd_lite0, and writes the card beside the weights.
"""

import json
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from edgegan.bench.drawing import open_drawer
from edgegan.bench.evaluate import evaluate
from edgegan.core.files import sha256, write_json
from edgegan.core.progress import Silent
from edgegan.metrics.features import Lite0Features
from edgegan.models.zoo import WEIGHTS
from edgegan.train.recipe import load_recipe

DOCS = Path(__file__).parent / "training"
SAMPLES, SEEDS = 500, [0, 1, 2]


def ship(name: str, run: Path | None, licence: str, environment: str) -> None:
    recipe = load_recipe(name)
    weights = WEIGHTS / f"{name}.safetensors"
    if run is not None:
        steps = json.loads((run / "losses.json").read_text())[-1]["step"]
        if steps != recipe.steps:
            raise SystemExit(f"{run} stopped at step {steps} of {recipe.steps}")
        shutil.copy(run / "generator.safetensors", weights)
        (DOCS / name).mkdir(parents=True, exist_ok=True)
        for picture in ("losses.png", "samples.png"):
            shutil.copy(run / picture, DOCS / name / picture)
    with open_drawer(name) as drawer:
        assert drawer.real is not None
        found = evaluate(drawer, drawer.real, min(SAMPLES, len(drawer.real)), SEEDS, Lite0Features(), "lite0", Silent())
    card = {
        "model": name,
        "sha256": sha256(weights),
        "bytes": weights.stat().st_size,
        "what": f"Averaged (EMA {recipe.ema}) generator after {recipe.steps} steps of {recipe.batch} images",
        "data": recipe.origin,
        "licence": licence,
        "command": f"edgegan train {name} --out runs/{name}",
        "recipe": f"edgegan/train/recipes/{name}.toml",
        "loss_curve": f"docs/training/{name}/losses.png",
        "samples": f"docs/training/{name}/samples.png",
        "figures": {key: found["figures"][key] for key in ("fd_lite0", "kid_lite0", "precision_lite0", "recall_lite0")},
        "figures_from": f"edgegan evaluate {name}: {found['samples']} pictures a seed, seeds {SEEDS}, "
        f"against {found['real']} shipped real ones",
        "environment": environment,
    }
    write_json(WEIGHTS / f"{name}.json", card)
    print(name, card["bytes"], {key: round(value["mean"], 3) for key, value in card["figures"].items()})


if __name__ == "__main__":
    name, run, licence = sys.argv[1], sys.argv[2], sys.argv[3]
    ship(name, None if run == "-" else Path(run), licence, f"torch {version('torch').partition('+')[0]} CPU")
