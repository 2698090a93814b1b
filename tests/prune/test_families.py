"""Pruning follows channels through what generators put between layers: whole maps from a linear layer, spectral norm,
conditional norms, concatenations, shuffles."""

import pytest

from benchmarks.families import FAMILIES
from edgegan.graph import cost
from edgegan.graph.capture import capture
from edgegan.graph.rewrite import rewrite
from edgegan.prune.allocation import kept_widths
from edgegan.prune.channels import prune
from edgegan.prune.distil import Settings, distil

LEAST = {"stylegan": 1.2, "stylegan2": 0.99}
"""Families whose constants and noise fix most widths; the others lose at least
half their work with half their channels. (StyleGAN2 counts its demodulation only once it is a layer.)"""


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_half_the_channels(family):
    graph = capture(*FAMILIES[family].build())
    result = prune(graph, 0.5)
    pruned, network = result.value
    assert pruned.output_shape == graph.output_shape
    assert cost.macs(graph) / cost.macs(pruned) >= LEAST.get(family, 2.0), result.notes
    distil(graph, network, Settings(steps=2, batch=4))
    assert not any("undone" in note for note in rewrite(pruned, "phase-nhwc").notes)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_wide_groups_give_more_and_the_share_is_kept(share):
    widths = [256, 128, 64, 64]
    kept = kept_widths(widths, share)
    assert abs(sum(kept) / sum(widths) - (1 - share)) < 0.02
    shares = [k / n for k, n in zip(kept, widths, strict=True)]
    assert shares == sorted(shares) and all(0 < k <= n for k, n in zip(kept, widths, strict=True))
    assert kept_widths([64, 64], 0.5) == [32, 32]
