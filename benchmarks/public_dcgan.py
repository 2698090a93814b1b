"""fd_lite0 of fashion-dcgan and fashion-biggan beside a public implementation's DCGAN, for as many training images as
the shipped fashion-biggan has seen.

The peer is torchgan 0.1.0 (MIT), its networks of 64 channels at 32x32 with weights begun as the paper says (N(0,
0.02)): begun as the package has it (Kaiming) the tanh saturates at once and nothing is learned. ``plain_training.py``
trains it. ``python -m benchmarks.public_dcgan --train`` trains it and a fashion-dcgan (resumes); the table is then
``python -m benchmarks.public_dcgan``. The wheel is fetched by pip without its dependencies, its hash checked, and only
its two network files are imported, since its trainer wants torchvision. Needs the Debian package dataset-fashion-mnist.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import types
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.common import publish
from benchmarks.plain_training import PlainTraining
from edgegan.bench.drawing import Drawer, open_drawer
from edgegan.bench.evaluate import evaluate
from edgegan.bench.real_pictures import of_array
from edgegan.cli.console import ConsoleProgress
from edgegan.core.files import atomic_path, sha256
from edgegan.core.images import read_images
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.metrics.features import Lite0Features
from edgegan.models.initialize import normal_weights
from edgegan.train.loop import train
from edgegan.train.recipe import load_recipe

WHEEL, DIGEST = "torchgan==0.1.0", "6be3fd633fff65b3120e43b3e5f46cf7529fe2b20db7c3bf467d24b1bb865a12"
RUN = Path("runs/public-dcgan")
BATCH, LATENT = 64, 100
SAMPLES, SEEDS = 500, [0, 1, 2]
OURS = RUN / "fashion-dcgan"


def images_seen() -> int:
    recipe = load_recipe("fashion-biggan")
    return recipe.steps * recipe.batch


def public_networks() -> tuple[nn.Module, nn.Module]:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, WHEEL], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        if sha256(wheel) != DIGEST:
            raise SystemExit(f"{wheel.name} is not the file that this benchmark knows")
        with zipfile.ZipFile(wheel) as archive:
            for name in ("model", "dcgan"):
                archive.extract(f"torchgan/models/{name}.py", folder)
        package = types.ModuleType("public_models")
        package.__path__ = [f"{folder}/torchgan/models"]
        sys.modules["public_models"] = package
        spec = importlib.util.spec_from_file_location("public_models.dcgan", f"{folder}/torchgan/models/dcgan.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    torch.manual_seed(0)
    shared = {"step_channels": 64}
    networks = (
        module.DCGANGenerator(LATENT, 32, 1, **shared),
        module.DCGANDiscriminator(32, 1, last_nonlinearity=nn.Identity(), **shared),
    )
    return normal_weights(networks[0]), normal_weights(networks[1])


def train_public() -> None:
    generator, discriminator = public_networks()
    images = read_images(load_recipe("fashion-dcgan").data, size=(32, 32), channels=1)
    run = PlainTraining(generator, discriminator, images, BATCH, (LATENT,))
    steps = images_seen() // BATCH
    checkpoint = RUN / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        generator.load_state_dict(saved["generator"])
        discriminator.load_state_dict(saved["discriminator"])
        run.optimizer_g.load_state_dict(saved["optimizer_g"])
        run.optimizer_d.load_state_dict(saved["optimizer_d"])
        run.step_count = saved["step"]
    with ConsoleProgress() as progress:
        progress.stage("torchgan")
        while run.step_count < steps:
            run.step()
            progress.step(run.step_count, steps)
            if run.step_count % 250 == 0 or run.step_count == steps:
                _save(run, checkpoint)
        _save(run, RUN / f"{images_seen()}.pt")
        train(replace(load_recipe("fashion-dcgan"), steps=steps, batch=BATCH), OURS, progress)


def _save(run: PlainTraining, path: Path) -> None:
    content = {
        "generator": run.generator.state_dict(),
        "discriminator": run.discriminator.state_dict(),
        "optimizer_g": run.optimizer_g.state_dict(),
        "optimizer_d": run.optimizer_d.state_dict(),
        "step": run.step_count,
    }
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def public_drawer(count: int) -> Drawer:
    generator, _ = public_networks()
    generator.load_state_dict(torch.load(RUN / f"{count}.pt", weights_only=True)["generator"])
    generator.eval()

    @torch.no_grad()
    def run(values):
        return torch.cat([generator(torch.from_numpy(part)) for part in np.array_split(values["z"], 10)]).numpy()

    return Drawer(
        f"torchgan DCGAN, {count} images",
        GeneratorSpec(inputs=(TensorSpec(name="z", kind="latent", shape=(LATENT,)),)),
        run,
    )


def main() -> None:
    if "--train" in sys.argv:
        train_public()
        return
    count, network, found = images_seen(), Lite0Features(), {}
    with (
        ConsoleProgress() as progress,
        open_drawer("fashion-dcgan", weights=OURS / "generator.safetensors") as dcgan,
        open_drawer("fashion-biggan") as biggan,
        open_drawer("fashion-dcgan") as shipped,
    ):
        assert shipped.real is not None
        subjects = {
            "torchgan DCGAN": (count, public_drawer(count)),
            "fashion-dcgan": (count, dcgan),
            "fashion-biggan": (count, biggan),
        }
        subjects["fashion-dcgan, as shipped"] = (load_recipe("fashion-dcgan").steps * BATCH, shipped)
        for name, (seen, drawer) in subjects.items():
            found[name] = {"training_images": seen} | evaluate(
                drawer, of_array(shipped.real), SAMPLES, SEEDS, network, "lite0", progress
            )["figures"]
    rows = [
        [
            name,
            str(row["training_images"]),
            *(f"{row[key]['mean']:.3g}" for key in ("fd_lite0", "kid_lite0", "precision_lite0", "recall_lite0")),
        ]
        for name, row in found.items()
    ]
    publish(
        "public_dcgan",
        f"{SAMPLES} pictures, {len(SEEDS)} seeds, against the shipped test images",
        ["generator", "training images", "fd_lite0", "kid_lite0", "precision", "recall"],
        rows,
        {"generators": found},
        {},
    )


if __name__ == "__main__":
    main()
