"""Graph: a generator as functional ATen operators, with what goes in and what comes out."""

from __future__ import annotations

import copy
import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx
from torch._subclasses import FakeTensorMode
from torch.fx.passes.fake_tensor_prop import FakeTensorProp

from edgegan.core.errors import ModelError
from edgegan.core.files import atomic_path
from edgegan.core.sampling import sample_inputs
from edgegan.core.spec import GeneratorSpec
from edgegan.graph.editing import input_of


@dataclass(frozen=True)
class Graph:
    """An fx.GraphModule of ATen operators with weights as attributes, for a fixed batch size.

    ``spec`` describes the inputs in the order of the placeholders. The first output is the image.
    """

    module: fx.GraphModule
    spec: GeneratorSpec
    batch: int = 1

    def example_inputs(self, seed: int = 0) -> tuple[torch.Tensor, ...]:
        """One batch of seeded inputs, in the order of the placeholders."""
        return tuple(torch.from_numpy(v) for v in sample_inputs(self.spec.inputs, self.batch, seed).values())

    def copy(self) -> Graph:
        return self.with_module(copied(self.module))

    def with_module(self, module: fx.GraphModule) -> Graph:
        return replace(self, module=module)

    @torch.no_grad()
    def run(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """The image for named inputs of any count, in the graph's batch size; float32 (count, ...)."""
        count = len(next(iter(inputs.values())))
        parts = []
        for start in range(0, count, self.batch):
            rows = [inputs[s.name][start : start + self.batch] for s in self.spec.inputs]
            short = self.batch - len(rows[0])
            padded = [
                torch.from_numpy(
                    np.concatenate([r, np.repeat(r[-1:], short, axis=0)]) if short else np.ascontiguousarray(r)
                )
                for r in rows
            ]
            parts.append(first_output(self.module(*padded)).float().numpy()[: self.batch - short])
        return np.concatenate(parts)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the image, with the batch."""
        output = next(n for n in self.module.graph.nodes if n.op == "output")
        return tuple(first_output(input_of(output)).meta["val"].shape)

    def fingerprint(self) -> str:
        """SHA-256 over the operators and all weights; the same network gives the same value."""
        digest = hashlib.sha256(self.module.code.encode())
        for name, tensor in sorted(self.module.state_dict().items()):
            digest.update(name.encode() + str(tensor.dtype).encode() + str(tuple(tensor.shape)).encode())
            digest.update(tensor.detach().contiguous().cpu().numpy().tobytes())
        return digest.hexdigest()


def copied(module: fx.GraphModule) -> fx.GraphModule:
    """A module to be edited; it shares its weights with this one, for edits add weights and change none."""
    weights = (*module.parameters(), *module.buffers())
    return copy.deepcopy(module, {id(w): w for w in weights})


def first_output(outputs: Any) -> Any:
    """The image among a generator's outputs: the first tensor of whatever it returns."""
    while not isinstance(outputs, torch.Tensor | fx.Node):
        outputs = next(iter(outputs.values() if isinstance(outputs, dict) else outputs))
    return outputs


def refresh(module: fx.GraphModule, inputs: tuple[torch.Tensor, ...]) -> None:
    """After an edit: drop dead nodes and unused weights, check, recompile, and give every node its shape again."""
    module.graph.eliminate_dead_code()
    module.graph.lint()
    module.recompile()
    module.delete_all_unused_submodules()
    _delete_unused_attributes(module)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        FakeTensorProp(module, mode).propagate(*inputs)


def _delete_unused_attributes(module: fx.GraphModule) -> None:
    used = {str(n.target) for n in module.graph.nodes if n.op == "get_attr"}
    for name in [*dict(module.named_parameters()), *dict(module.named_buffers())]:
        if name not in used:
            owner, _, leaf = name.rpartition(".")
            delattr(module.get_submodule(owner), leaf)


def save(graph: Graph, path: Path) -> None:
    """Write the graph as a ``.pt2`` of torch.export."""
    with atomic_path(path) as temporary, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(graph.module, graph.example_inputs()), temporary)


def load(path: Path, spec: GeneratorSpec, batch: int) -> Graph:
    """Read a graph that ``save`` wrote."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = torch.export.load(path).module(check_guards=False)
    except (RuntimeError, ValueError, KeyError, OSError) as exc:
        raise ModelError(f"{path} cannot be read as a torch.export file: {exc}") from exc
    assert isinstance(module, fx.GraphModule)
    graph = Graph(module, spec, batch)
    refresh(module, graph.example_inputs())
    return graph
