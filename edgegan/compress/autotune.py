"""Which form of each layer a backend runs fastest here: every form is measured by itself, once per machine.

A table in the user's cache keeps what was measured, by layer shape, backend, version, CPU and threads.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgegan.bench.environment import cpu_name
from edgegan.bench.worker import Job, run_job
from edgegan.core.cache import read_table, write_table
from edgegan.core.errors import OutputError, TargetError, first_line
from edgegan.core.manifest import describe, write_manifest
from edgegan.core.sampling import sample_inputs
from edgegan.core.stage import StageResult
from edgegan.export.litert import export_litert
from edgegan.export.onnx import export_onnx
from edgegan.graph.check import Reference
from edgegan.graph.graph import Graph
from edgegan.graph.rewrite import apply
from edgegan.graph.sites import NATIVE, Site, composed, sites
from edgegan.runtime.backends import BACKENDS

TABLE = "forms"
SECONDS = 0.25
"""Timed seconds a form, in turns with the layer's other forms."""


@dataclass(frozen=True)
class Choice:
    """Milliseconds of every form of every site, by node; None where a form does not run."""

    milliseconds: dict[str, dict[str, float | None]]
    keys: dict[str, str]
    warning: str | None = None

    def forms(self, with_native: bool = True) -> dict[str, str]:
        """The fastest form by node; ``with_native`` False where the layer as it stands has no kernel (int8)."""
        found = {}
        for node, measured in self.milliseconds.items():
            allowed = {form: ms for form, ms in measured.items() if ms is not None and (with_native or form != NATIVE)}
            found[node] = min(allowed, key=allowed.__getitem__, default="stacked")
        return found

    def notes(self, with_native: bool = True) -> list[str]:
        """What was chosen for each layer, and what the forms took."""
        chosen = self.forms(with_native)
        return ([self.warning] if self.warning else []) + [f"{self.keys[node]}: {chosen[node]} ({', '.join(_told(*m) for m in measured.items())})" for node, measured in self.milliseconds.items()]


def autotune(native: Graph, backend: str, threads: int, folder: Path) -> Choice:
    """Measure the forms of every site of ``native`` on ``backend``; layers of equal shape once."""
    found = sites(native)
    table = read_table(TABLE)
    row = table.setdefault(f"{backend} {BACKENDS[backend].version()}, {cpu_name()}, {threads} threads", {})
    missing = {site.key: site for site in found if set(row.get(site.key, ())) != set(site.forms)}
    warning = None
    if missing:
        for key, site in missing.items():
            row[key] = _measure(site, backend, threads, folder)
        warning = _keep(table)
    return Choice({site.node: row[site.key] for site in found}, {site.node: site.key for site in found}, warning)


def _keep(table: dict[str, Any]) -> str | None:
    """Write the table; where that is not possible the next run measures again, and this one says so."""
    try:
        write_table(TABLE, table)
    except OutputError as exc:
        return f"the layers' measurements were not kept: {first_line(exc)}"
    return None


def _told(form: str, milliseconds: float | None) -> str:
    return f"{form} {milliseconds:.3g} ms" if milliseconds is not None else f"{form} does not run"


def _measure(site: Site, backend: str, threads: int, folder: Path) -> dict[str, float | None]:
    """Milliseconds by form; None where the backend's converter refuses it, or it does not run."""
    alone = site.alone()
    (place,) = sites(alone)
    artifacts = {}
    for form in site.forms:
        graph = apply(alone, composed({place.node: form}, channels_last=backend == "litert")).value
        with contextlib.suppress(TargetError):
            artifacts[form] = _artifact(graph, backend, folder / hashlib.sha256(f"{site.key} {form}".encode()).hexdigest()[:16])
    inputs = sample_inputs(alone.spec.inputs, alone.batch, 0)
    outcomes = run_job(Job(artifacts=artifacts, inputs=inputs, threads=threads, timed=tuple(artifacts), seconds=SECONDS))
    taken = {form: outcome.latency_ms["p50"] for form, outcome in outcomes.items() if outcome.latency_ms}
    return {form: taken.get(form) for form in site.forms}


def _artifact(graph: Graph, backend: str, folder: Path) -> Path:
    if backend == "litert":
        path = export_litert(graph.module, graph.example_inputs(), folder / "g.tflite")
    else:
        path = folder / "g.onnx"
        if not path.exists():
            export_onnx(graph, path)
    content = describe(
        artifact=path, backend=backend, backend_version=BACKENDS[backend].version() or "", target="here", precision="fp32", spec=graph.spec, output_shape=graph.output_shape[1:],
        batch=graph.batch, model="layer", weights_sha256="", build={"inference_precision": "f32"} if backend == "openvino" else {},
    )  # fmt: skip
    write_manifest(path, content)
    return path


def forms_graph(native: Graph, choice: Choice, backend: str, with_native: bool, reference: Reference) -> StageResult[Graph]:
    """``native`` with the form chosen for each layer, checked as every rewrite is."""
    return apply(native, composed(choice.forms(with_native), channels_last=backend == "litert"), reference)
