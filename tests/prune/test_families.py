"""Pruning follows channels through what generators put between layers: whole maps from a linear layer, spectral norm,
conditional norms, concatenations, shuffles."""

import pytest
import torch
from scipy.optimize import brentq

from benchmarks.families import FAMILIES
from edgegan.graph import cost
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite
from edgegan.prune.allocation import MULTIPLE, kept_widths
from edgegan.prune.channels import prune, share_for_macs_ratio
from edgegan.prune.distil import distil
from edgegan.prune.settings import Settings


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_half_the_channels(family):
    graph = capture(*FAMILIES[family].build())
    result = prune(graph, 0.5)
    pruned, network = result.value
    assert pruned.output_shape == graph.output_shape
    assert cost.macs(graph) / cost.macs(pruned) >= 2.0, result.notes
    distil(graph, network, Settings(steps=2, batch=4))
    assert not any("undone" in note for note in rewrite(pruned, "phase-nhwc").notes)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_four_times_fewer_multiply_accumulates(family):
    graph = capture(*FAMILIES[family].build())
    pruned, _ = prune(graph, share_for_macs_ratio(graph, 4.0)).value
    assert cost.macs(graph) / cost.macs(pruned) >= 4.0
    with torch.no_grad():
        assert pruned.module(*pruned.example_inputs(1)).shape == pruned.output_shape == graph.output_shape


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_wide_groups_give_more_and_the_share_is_kept(share):
    widths = [256, 128, 64, 64]
    kept = kept_widths(widths, share)
    assert abs(sum(kept) / sum(widths) - (1 - share)) < 0.02
    assert all(0 < k <= n for k, n in zip(kept, widths, strict=True))
    wanted = sum(widths) * (1 - share)
    scale = brentq(lambda scale: sum(min(n, scale * n ** (2 / 3)) for n in widths) - wanted, 0, max(widths))
    assert all(abs(k - min(n, scale * n ** (2 / 3))) <= MULTIPLE for k, n in zip(kept, widths, strict=True))
    assert kept_widths([64, 64], 0.5) == [32, 32]


def test_equal_groups_do_not_all_lose_a_block_at_once():
    kept = [kept_widths([32] * 6, share / 1000) for share in range(400, 600)]
    assert len({sum(widths) for widths in kept}) >= 10
    assert all(max(widths) - min(widths) <= MULTIPLE for widths in kept)
