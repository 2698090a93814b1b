"""Memory that compressing takes, told before anything is computed."""

import pytest
import torch
from torch import nn

from edgegan.core.errors import ModelError
from edgegan.core.free_memory import free_memory
from edgegan.core.spec import GeneratorSpec, parse_input
from edgegan.graph.capture import capture
from edgegan.graph.footprint import values_made


def test_values_are_counted_from_shapes_alone():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(2), nn.Conv1d(8, 2, 1))
    assert values_made(network, (torch.zeros(2, 3, 4, 5),)) == 2 * 20 * (8 + 8 + 2)
    huge = nn.Conv2d(3, 1024, 3, padding=1)
    assert values_made(huge, (torch.zeros(1, 3, 2048, 2048),)) == 1024 * 2048**2


def test_code_that_needs_numbers_is_not_judged():
    class Branching(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    assert values_made(Branching(), (torch.zeros(1, 3),)) is None


def test_a_generator_beyond_the_machine_is_told_before_it_is_tried(tmp_path, monkeypatch):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text(
        "MemTotal: 4000000 kB\nMemAvailable: 3000000 kB\nSwapFree: 500000 kB\nHugePages_Total: 0\n"
    )
    monkeypatch.setenv("EDGEGAN_SYS_ROOT", str(tmp_path))
    assert free_memory() == 1024 * 3_500_000
    network = nn.Sequential(nn.Conv2d(3, 256, 3, padding=1), nn.ReLU(), nn.Conv2d(256, 3, 3, padding=1))
    spec = GeneratorSpec(inputs=(parse_input("image:3x1024x1024", "x"),))
    with pytest.raises(
        ModelError, match=r"takes about \d+\.\d GiB of memory, of which 3\.3 are free here; give a smaller"
    ):
        capture(network, spec)
    monkeypatch.setenv("EDGEGAN_SYS_ROOT", str(tmp_path / "nowhere"))
    assert free_memory() is None
