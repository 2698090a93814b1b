"""How many samples train at once: as many as were asked for, or as memory holds."""

from __future__ import annotations

import torch

from edgegan.graph.footprint import values_made
from edgegan.graph.graph import Graph

HELD = 4 << 30
"""Bytes that a batch's values may take on a CPU, the same on every machine, so that the same seeds end alike."""
HELD_SHARE = 0.5
"""Of a GPU's memory."""
COPIES = 6
"""Values that are held of each that the network makes: the student's with their gradients, the teacher's, the critic's
between them, and room for what operators need."""


def training_batch(graph: Graph, wanted: int, device: str) -> int:
    """``wanted``, or the largest power of two below it whose values are held; a multiple of the graph's own batch."""
    values = values_made(graph.module, graph.example_inputs())
    if values is None:
        return wanted
    held = HELD
    if device == "cuda":
        held = int(HELD_SHARE * torch.cuda.get_device_properties(0).total_memory)
    most = held // max(1, 4 * COPIES * values // graph.batch)
    if most >= wanted:
        return wanted
    return max(graph.batch, 1 << max(0, most.bit_length() - 1))
