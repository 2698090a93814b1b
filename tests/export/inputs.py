"""Inputs of the tests of exported files."""

import torch

from edgegan.core.sampling import sample_inputs

CALIBRATION = 32


def calibration(graph):
    values = sample_inputs(graph.spec.inputs, CALIBRATION, 1)
    return [tuple(torch.from_numpy(v[i : i + 1]) for v in values.values()) for i in range(CALIBRATION)]


def check_inputs(graph):
    return sample_inputs(graph.spec.inputs, 6, 2)
