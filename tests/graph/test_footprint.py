"""Memory that compressing takes, told before anything is computed."""

import functools

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


GRIDS, PAIRS, LIST, LAST = {}, {}, [], None


@functools.lru_cache(maxsize=4)
def mask(size):
    return torch.ones(size) / 2


@functools.cache
def offset(size):
    return torch.ones(size)


class Keeping(nn.Module):
    """Code that computes what depends on the size alone once, in every place where public code keeps it."""

    def __init__(self):
        super().__init__()
        self.grid, self.cached = None, {}

    def forward(self, x):
        global LAST
        size, key = x.shape[-1], str(x.shape)
        if self.grid is None or self.grid.shape[-1] != size:
            self.grid = torch.linspace(-1, 1, size)
        if key not in self.cached:
            self.cached[key] = torch.linspace(0, 1, size)
        if key not in GRIDS:
            GRIDS[key] = torch.linspace(0, 2, size)
            PAIRS[key] = (torch.linspace(0, 3, size), size)
            LIST.append(torch.linspace(0, 4, size))
        if LAST is None:
            LAST = torch.linspace(0, 5, size)
        kept = self.grid + self.cached[key] + GRIDS[key] + PAIRS[key][0] + LIST[-1] + LAST
        return x + kept + mask(size) + offset(size)


def test_what_code_keeps_of_a_run_on_shapes_is_forgotten():
    network, x = Keeping().eval(), torch.zeros(1, 3, 8, 8)
    values_made(network, (x,))
    spec = GeneratorSpec(inputs=(parse_input("image:3x8x8", "x"),))
    graph = capture(network, spec)
    steps = torch.linspace(0, 1, 8)
    wanted = x + (2 * steps - 1) + steps * (1 + 2 + 3 + 4 + 5) + 1.5
    torch.testing.assert_close(graph.module(x), wanted)
    torch.testing.assert_close(network(x), wanted)
