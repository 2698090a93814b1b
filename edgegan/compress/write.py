"""The output folder: the chosen artifact under its final name, its manifest, the report, the pictures."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from edgegan.bench.environment import environment
from edgegan.compress.choose import inexact
from edgegan.compress.measure import outputs
from edgegan.compress.options import Options
from edgegan.compress.subject import Subject
from edgegan.core.files import write_bytes, write_json
from edgegan.core.manifest import describe, read_manifest, write_manifest
from edgegan.core.stage import StageResult, StageStore
from edgegan.export.bundle import BUILD_COMMAND, write_bundle
from edgegan.graph.graph import Graph
from edgegan.report.html import write_html
from edgegan.report.pictures import sample_sheet

FINAL = ("g.onnx", "g.tflite", "g.plan", "g.xml", "g.bin", "g.edgegan")
PRIVATE = ("runs", "stand_in", "error", "seconds")


def clear(out: Path) -> None:
    """Remove what a run writes, and nothing else."""
    for name in (*FINAL, *(f"{n}.json" for n in FINAL), "report.json", "report.html", "samples.png"):
        (out / name).unlink(missing_ok=True)
    for name in ("stages", "candidates"):
        shutil.rmtree(out / name, ignore_errors=True)


def write_result(
    chosen: dict[str, Any] | None,
    baseline: dict[str, Any],
    candidates: list[dict[str, Any]],
    done: list[tuple[str, StageResult[Any]]],
    subject: Subject,
    network: Graph,
    options: Options,
    store: StageStore,
) -> dict[str, Any]:
    """Write everything, the report last; returns the report."""
    out, root = options.out, store.path("candidates")
    for row in candidates:
        if row is not chosen:
            row["artifact"] = _place(row, options, root) if row["artifact"] else None
    result = None
    inputs = subject.check_inputs(options)
    original = subject.graph.run(inputs)
    for name in FINAL:
        (out / name).unlink(missing_ok=True)
        (out / f"{name}.json").unlink(missing_ok=True)
    if chosen is not None:
        source = root / _source(chosen)
        if options.target.build == "device":
            name = _write_bundle(source, chosen, subject, network, options, inputs)
        else:
            name = source.name
            write_bytes(out / name, source.read_bytes())
            write_bytes(out / f"{name}.json", source.with_name(f"{name}.json").read_bytes())
        size = (out / name).stat().st_size
        chosen |= {"artifact": name, "bytes": size}
        result = _public(chosen) | {"speedup": _speedup(baseline, chosen)}
    sample_sheet(
        original,
        outputs(root / chosen["runs"], inputs, options.threads) if chosen else None,
        subject.graph.spec.output_range,
        out / "samples.png",
    )
    report = {
        "schema": 1,
        "model": subject.name,
        "target": options.target.name,
        "seed": options.seed,
        "environment": environment(options.threads),
        "warnings": [*_warnings(options, subject, done), *inexact([baseline, *candidates])],
        "baseline": _public(baseline),
        "stages": [{"name": name, "seconds": stage.seconds, "notes": list(stage.notes)} for name, stage in done],
        "candidates": [_public(row) for row in candidates],
        "result": result,
    }
    write_html(report, out / "samples.png", out / "report.html")
    write_json(out / "report.json", report)
    return report


def _source(row: dict[str, Any]) -> str:
    """The candidate's own file below the candidates' folder, whatever its public place is."""
    return str(Path(row["name"]) / Path(row["artifact"]).name)


def _place(row: dict[str, Any], options: Options, root: Path) -> str:
    """Where a candidate's file is found: kept in ``candidates/`` where asked, else among the stages."""
    file = root / row["artifact"]
    if not options.keep_candidates:
        return str(file.relative_to(options.out))
    kept = options.out / "candidates" / row["name"] / file.name
    write_bytes(kept, file.read_bytes())
    write_bytes(kept.with_name(f"{file.name}.json"), file.with_name(f"{file.name}.json").read_bytes())
    return str(kept.relative_to(options.out))


def _write_bundle(
    onnx: Path, chosen: dict[str, Any], subject: Subject, network: Graph, options: Options, inputs: dict[str, Any]
) -> str:
    path = options.out / "g.edgegan"
    graph = subject.graph
    manifest = read_manifest(onnx).content
    description = {
        "target": options.target.to_json(),
        "precision": chosen["precision"],
        "model": subject.name,
        "command": BUILD_COMMAND,
        "parser": chosen["notes"],
        "manifest": manifest,
    }
    write_bundle(
        path, onnx, description, {**{f"input_{k}": v for k, v in inputs.items()}, "image": network.run(inputs)}
    )
    content = describe(
        artifact=path,
        backend="tensorrt",
        backend_version="built on the device",
        target=options.target.name,
        precision=chosen["precision"],
        spec=graph.spec,
        output_shape=graph.output_shape[1:],
        batch=graph.batch,
        model=subject.name,
        weights_sha256=subject.fingerprint,
        build={
            "compute_capability": options.target.compute_capability,
            "flags": [],
            "versions": {},
            "built_on_device": False,
            "command": BUILD_COMMAND,
        },
        pixels=options.uint8_output,
    )
    write_manifest(path, content)
    return path.name


def _speedup(baseline: dict[str, Any], chosen: dict[str, Any]) -> float | None:
    if not baseline["latency_ms"] or not chosen["latency_ms"]:
        return None
    return float(baseline["latency_ms"]["p50"] / chosen["latency_ms"]["p50"])


def _public(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in PRIVATE}


def _warnings(options: Options, subject: Subject, done: list[tuple[str, StageResult[Any]]]) -> list[str]:
    warnings = list(subject.notes)
    warnings += [note for _, stage in done for note in stage.notes if note.startswith("WARNING")]
    if options.target.measured_as:
        warnings.append(f"measured as {options.target.measured_as}")
    return warnings
