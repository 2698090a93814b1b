"""Every family of generators in use, in every form: the same function, in forms that the devices' tools take."""

import pytest

from benchmarks.families import FAMILIES
from edgegan.bench.partitions import partitions
from edgegan.export.litert import export_litert
from edgegan.graph.capture import capture
from edgegan.graph.check import compare
from edgegan.graph.editing import is_call
from edgegan.graph.operators import TRANSPOSED, aten
from edgegan.graph.passes import FORMULATIONS
from edgegan.graph.rewrite import rewrite

SPLITTING = {"biggan": {"EMBEDDING_LOOKUP": 1, "FULLY_CONNECTED": 1}, "cgan": {"EMBEDDING_LOOKUP": 1}}
"""Operators of the network itself that XNNPACK leaves to LiteRT; no other family has one."""


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_formulation_is_exact(family, batch):
    graph = capture(*FAMILIES[family].build(), batch)
    for formulation in FORMULATIONS:
        result = rewrite(graph, formulation)
        assert compare(graph, result.value, seeds=(3, 4)).relative < 2e-6, (formulation, result.notes)
        assert not any("undone" in note for note in result.notes)
        if not formulation.startswith("native"):
            assert not any(is_call(n, *TRANSPOSED) for n in result.value.module.graph.nodes)


def test_modulation_builds_no_weight_per_sample():
    graph = rewrite(capture(*FAMILIES["stylegan2"].build(), 3), "native").value
    layers = [n for n in graph.module.graph.nodes if is_call(n, aten.conv2d.default, aten.conv_transpose2d.input)]
    assert layers and all(n.args[1].op == "get_attr" for n in layers)
    shapes = [tuple(n.meta["val"].shape) for n in graph.module.graph.nodes if "val" in n.meta]
    assert all(1 in s[1:3] for s in shapes if len(s) == 5), "an (N, O, I, k, k) weight is still built"


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_litert_takes_every_family_in_one_partition(family, tmp_path):
    graph = rewrite(capture(*FAMILIES[family].build()), "phase-nhwc").value
    found = partitions(export_litert(graph.module, graph.example_inputs(), tmp_path / "g.tflite"))
    assert found.outside == SPLITTING.get(family, {})
    assert found.count <= 1 + len(found.outside)
