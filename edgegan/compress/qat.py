"""Quantization-aware fine-tuning: the float network learns weights that survive rounding, before any backend quantizes it.

It runs on the cleaned graph (BatchNorm folded), so every form and every backend's own quantizer start from the same
trained weights; weight scales follow the weights (largest magnitude per channel over 127) in ONNX and LiteRT alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch

from edgegan.core.errors import ModelError
from edgegan.core.stage import StageResult, stopwatch
from edgegan.graph.graph import Graph
from edgegan.graph.rewrite import rewrite
from edgegan.prune.channels import recapture
from edgegan.prune.distil import Progress, Settings, distil
from edgegan.prune.layers import layered
from edgegan.quantize.fake import fake_quantize, unfake
from edgegan.quantize.scheme import ONNXRUNTIME, TENSORRT

RELATIVE_LR = 1e-3
"""Adam moves a weight by about this share of the weights' mean magnitude in a step: they are near where they should be."""


def fine_tune(graph: Graph, steps: int, seed: int, symmetric: bool, batches: Iterable[tuple[torch.Tensor, ...]], images=None, checkpoint: Path | None = None, progress: Progress | None = None, weight_bits: int = 8) -> StageResult[Graph]:
    """Train a rounded copy of ``graph`` towards ``graph`` itself; returns it in float, its weights at home on the grid.

    ``batches`` of calibration inputs fix the activations' ranges beforehand. Raises ModelError where nothing is rounded.
    """
    with stopwatch() as seconds:
        network = layered(rewrite(graph, "native").value)
        fake_quantize(network, TENSORRT if symmetric else ONNXRUNTIME, batches, weight_bits)
        if not list(network.parameters()):
            raise ModelError("no convolution or linear layer with constant weights was found to quantize")
        magnitude = sum(p.abs().sum().item() for p in network.parameters()) / sum(p.numel() for p in network.parameters())
        settings = Settings(steps=steps, seed=seed, batch=32, lr=RELATIVE_LR * magnitude, pixels=1.0, features=0.0, adversarial=0.0, ema=0.99)
        learned = distil(graph, network, settings, images, checkpoint, progress)
        note = learned.notes[0].replace("distilled", f"trained with weights rounded to {weight_bits} bits and activations to 8")
        return StageResult(recapture(unfake(learned.value), graph), (note,), seconds())
