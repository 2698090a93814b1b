"""Training throughput of fashion-dcgan: EdgeGAN's loop against a bare PyTorch loop with the same networks and batch.

Blocks of steps of the two in turns, data loading, averaging and logging included. Aim: at least 0.9 of the bare loop.
Needs the Debian package dataset-fashion-mnist.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.common import THREADS, publish
from benchmarks.plain_training import PlainTraining
from edgegan.core.images import read_images
from edgegan.core.progress import Silent
from edgegan.models.zoo import find
from edgegan.train.loop import train
from edgegan.train.recipe import load_recipe

BLOCK, ROUNDS = 25, 9


class Blocks(Silent):
    """After each block of our steps, one block of the bare loop's."""

    def __init__(self, plain: PlainTraining) -> None:
        self.plain, self.ours, self.theirs, self.since, self.training = plain, [], [], time.perf_counter(), False

    def stage(self, name: str) -> None:
        self.training, self.since = name == "train", time.perf_counter()

    def step(self, done: int, total: int) -> None:
        if not self.training or done % BLOCK:
            return
        self.ours.append(BLOCK / (time.perf_counter() - self.since))
        start = time.perf_counter()
        for _ in range(BLOCK):
            self.plain.step()
        self.theirs.append(BLOCK / (time.perf_counter() - start))
        self.since = time.perf_counter()


def main() -> None:
    torch.set_num_threads(THREADS)
    recipe = replace(load_recipe("fashion-dcgan"), steps=BLOCK * (ROUNDS + 1), checkpoint_every=10**6)
    model = find(recipe.model)
    images = read_images(recipe.data, size=(32, 32), channels=1)
    blocks = Blocks(
        PlainTraining(model.build(), model.build_discriminator(), images, recipe.batch, model.spec.inputs[0].shape)
    )
    with tempfile.TemporaryDirectory() as folder:
        train(recipe, Path(folder), blocks)
    ours, theirs = np.array(blocks.ours[1:]) * recipe.batch, np.array(blocks.theirs[1:]) * recipe.batch
    ratio = float(np.median(ours / theirs))
    rows = [
        ["bare PyTorch loop", f"{np.median(theirs):.0f}", "1.00"],
        ["edgegan train", f"{np.median(ours):.0f}", f"{ratio:.2f}"],
    ]
    content = {
        "images_per_second": {"edgegan": ours.tolist(), "plain": theirs.tolist()},
        "ratio": ratio,
        "batch": recipe.batch,
    }
    publish(
        "training",
        f"fashion-dcgan, batch {recipe.batch}, {THREADS} threads",
        ["loop", "images/s", "ratio"],
        rows,
        content,
        {"throughput at least 0.9 of the bare loop": ratio >= 0.9},
    )


if __name__ == "__main__":
    main()
