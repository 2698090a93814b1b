"""Quantization-aware fine-tuning: the float network learns weights that survive rounding, before any backend quantizes
it.

It runs on the cleaned graph (BatchNorm folded), so every form and every backend's own quantizer start from the same
trained weights; weight scales follow the weights (largest magnitude per channel over 127) whoever exports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from edgegan.core.errors import ModelError
from edgegan.core.stage import StageResult, stopwatch
from edgegan.graph.graph import Graph
from edgegan.graph.rewrite import rewrite
from edgegan.prune.channels import recapture
from edgegan.prune.distil import Progress, distil
from edgegan.prune.layers import layered
from edgegan.prune.settings import Settings
from edgegan.quantize.fake import fake_quantize, unfake
from edgegan.quantize.scheme import Scheme

RELATIVE_LR = 2e-3
"""Adam moves a weight by about this share of the weights' mean magnitude in a step: they are near where they should
be."""


def fine_tune(
    graph: Graph,
    scheme: Scheme,
    steps: int,
    seed: int,
    batches: Iterable[tuple[torch.Tensor, ...]],
    images: np.ndarray | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    teacher: Graph | None = None,
    device: str = "cpu",
    told: Callable[[str], object] | None = None,
) -> StageResult[Graph]:
    """Train a copy of ``graph``, rounded by ``scheme``, towards ``teacher``, or ``graph`` itself; returns it in float,
    its weights at home on the grid.

    A pruned graph learns by the losses of distillation, an unpruned one by its pixels alone. ``batches`` of calibration
    inputs fix the activations' ranges beforehand. Raises ModelError where nothing is rounded.
    """
    with stopwatch() as seconds:
        network = layered(rewrite(graph, "native").value)
        fake_quantize(network, scheme, batches)
        if not list(network.parameters()):
            raise ModelError("no convolution or linear layer with constant weights was found to quantize")
        magnitude = sum(p.abs().sum().item() for p in network.parameters()) / sum(
            p.numel() for p in network.parameters()
        )
        settings = Settings(steps=steps, seed=seed, batch=32, lr=RELATIVE_LR * magnitude, ema=0.99, device=device)
        if teacher is None or teacher.fingerprint() == graph.fingerprint():
            teacher, settings = graph, replace(settings, pixels=1.0, features=0.0, adversarial=0.0)
        learned = distil(teacher, network, settings, images, checkpoint, progress, told)
        note = learned.notes[0].replace(
            "distilled", f"trained with weights rounded to {scheme.weight_bits} bits and activations to 8"
        )
        return StageResult(recapture(unfake(learned.value), graph), (note, *learned.notes[1:]), seconds())
