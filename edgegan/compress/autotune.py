"""Which form of each layer a backend runs fastest here: every form is measured by itself, once per machine, in float
and in int8, for what wins in the one may lose in the other.

A table in the user's cache keeps what was measured, by layer shape, backend, version, CPU, threads and precision.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.bench.environment import cpu_name
from edgegan.bench.worker import Job, p50_ms, run_job
from edgegan.compress.backends import builder
from edgegan.compress.backends.contract import Form
from edgegan.compress.plan import Plan
from edgegan.core.backends import backend as row_of
from edgegan.core.cache import add_to_table, read_table
from edgegan.core.errors import ModelError, OutputError, TargetError, first_line
from edgegan.core.sampling import sample_inputs
from edgegan.core.stage import StageResult
from edgegan.graph.check import Reference
from edgegan.graph.cost import is_large, macs, node_macs, params
from edgegan.graph.editing import argument, shape
from edgegan.graph.graph import Graph
from edgegan.graph.rewrite import apply, unchecked
from edgegan.graph.sites import NATIVE, Site, composed, sites

TABLE = "forms"
SAMPLES = 4
SHARE = 0.02
"""Of a large network's work, and of its weights, below which a layer takes its stacked form unmeasured."""
SECONDS = 0.15
"""Timed seconds a form, in turns with all others."""


@dataclass(frozen=True)
class Choice:
    """Milliseconds of every form of every site, by node; None where a form does not run, or is the only one; none at
    all of a site that was not worth measuring."""

    milliseconds: dict[str, dict[str, float | None]]
    keys: dict[str, str]
    warning: str | None = None

    def forms(self) -> dict[str, str]:
        """The fastest form by node; stacked where none ran."""
        fastest = {}
        for node, measured in self.milliseconds.items():
            ran = {form: ms for form, ms in measured.items() if ms is not None}
            fastest[node] = min(ran, key=ran.__getitem__, default="stacked")
        return fastest

    def notes(self) -> list[str]:
        """What was chosen for each layer, and what the forms took."""
        chosen = self.forms()
        choices = [
            f"{self.keys[node]}: {chosen[node]} ({', '.join(_told(*m) for m in measured.items())})"
            for node, measured in self.milliseconds.items()
            if len(measured) > 1
        ]
        return ([self.warning] if self.warning else []) + choices


def autotune(native: Graph, backend: str, precision: str, threads: int, folder: Path) -> Choice:
    """Measure the forms of every site of ``native`` on ``backend`` in ``precision``, fp32 or int8; layers of equal
    shape once."""
    keys = {site: _key(site, precision) for site in _worth_measuring(native)}
    known_as = f"{backend} {row_of(backend).version()}, {cpu_name()}, {threads} threads, {precision}"
    row = dict(read_table(TABLE).get(known_as, {}))
    missing = {
        key: site for site, key in keys.items() if set(row.get(key, ())) != set(_forms(site, backend, precision))
    }
    warning = None
    if missing:
        row |= _measure(missing, backend, precision, threads, folder)
        warning = _keep({known_as: row})
    unmeasured: dict[str, dict[str, float | None]] = {site.node: {} for site in sites(native)}
    measured = {site.node: row[key] for site, key in keys.items()}
    return Choice(unmeasured | measured, {site.node: key for site, key in keys.items()}, warning)


def _worth_measuring(native: Graph) -> list[Site]:
    """The sites of a network; of a large one those that have a SHARE of its work, or of its weights."""
    found = sites(native)
    if not is_large(native):
        return found
    nodes = {node.name: node for node in native.module.graph.nodes}
    work, weights = macs(native) * native.batch, params(native)

    def share(site: Site) -> float:
        node = nodes[site.node]
        return max(node_macs(node) / work, prod(shape(argument(node, 1))) / weights)

    return [site for site in found if share(site) >= SHARE]


def _key(site: Site, precision: str) -> str:
    """In int8 it matters whether zero is the least of what a layer reads: signed values take another kernel."""
    return site.key + (", not negative" if precision == "int8" and site.rectified else "")


def _forms(site: Site, backend: str, precision: str) -> tuple[str, ...]:
    """Those that the backend has kernels for."""
    if precision == "int8" and site.transposed and not builder(backend).scheme.transposed:
        return tuple(form for form in site.forms if form != NATIVE)
    return site.forms


def _keep(rows: dict[str, dict[str, Any]]) -> str | None:
    """Add rows to the table; where that is not possible the next run measures again, and this one says so."""
    try:
        add_to_table(TABLE, rows)
    except OutputError as exc:
        return f"the layers' measurements were not kept: {first_line(exc)}"
    return None


def _told(form: str, milliseconds: float | None) -> str:
    return f"{form} {milliseconds:.3g} ms" if milliseconds is not None else f"{form} does not run"


def _measure(
    missing: Mapping[str, Site], backend: str, precision: str, threads: int, folder: Path
) -> dict[str, dict[str, float | None]]:
    """Milliseconds by form of the sites that are ``missing``, by key, all in turns; None where the backend's converter
    refuses a form, it does not run, or there is nothing to choose."""
    artifacts: dict[str, Path] = {}
    inputs: dict[str, dict[str, np.ndarray]] = {}
    for key, site in missing.items():
        if len(_forms(site, backend, precision)) > 1:
            made, own = _made(site, backend, precision, folder)
            artifacts |= {f"{form} of {key}": path for form, path in made.items()}
            inputs |= {f"{form} of {key}": own for form in made}
    taken: dict[str, float] = {}
    if artifacts:
        job = Job(
            artifacts=artifacts, inputs={}, threads=threads, timed=tuple(artifacts), seconds=SECONDS, own_inputs=inputs
        )
        taken = p50_ms(run_job(job))
    return {
        key: {form: taken.get(f"{form} of {key}") for form in _forms(site, backend, precision)}
        for key, site in missing.items()
    }


def _made(site: Site, backend: str, precision: str, folder: Path) -> tuple[dict[str, Path], dict[str, np.ndarray]]:
    """A file of every form of the layer by itself that the converter takes, and the layer's input."""
    alone, made = site.alone(), {}
    samples = _samples(alone, site.rectified)
    (place,) = sites(alone)
    for form in _forms(site, backend, precision):
        passes = composed({place.node: form}, channels_last=builder(backend).channels_last)
        name = hashlib.sha256(f"{site.key} {form}".encode()).hexdigest()[:16]
        with contextlib.suppress(TargetError, ModelError):
            made[form] = _artifact(unchecked(alone, passes)[0], backend, precision, samples, folder / name)
    return made, sample_inputs(alone.spec.inputs, alone.batch, 0)


def _samples(alone: Graph, rectified: bool) -> list[np.ndarray]:
    """What a layer is calibrated on, a batch each: normal values, or those of them that are not negative."""
    (values,) = sample_inputs(alone.spec.inputs, SAMPLES * alone.batch, 1).values()
    return np.split(np.maximum(values, 0.0) if rectified else values, SAMPLES)


def _artifact(graph: Graph, backend: str, precision: str, samples: list[np.ndarray], folder: Path) -> Path:
    """The layer's file, by the builder that makes candidates, with a manifest."""
    import torch

    own = builder(backend)
    form = Form(
        graph=graph, name="layer", folder=folder, batches=lambda: ((torch.from_numpy(batch),) for batch in samples)
    )
    plan = Plan(backend=backend, formulation="layer", precision=precision)
    made = own.make(form, plan, own.scheme, None, folder / f"{backend}-{precision}").artifact
    made.write_manifest(graph, precision=precision, target="here", model="layer", weights_sha256="")
    return made.path


def forms_graph(native: Graph, choice: Choice, backend: str, reference: Reference) -> StageResult[Graph]:
    """``native`` with the form chosen for each layer, checked as every rewrite is."""
    return apply(native, composed(choice.forms(), channels_last=builder(backend).channels_last), reference)
