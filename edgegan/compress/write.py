"""The output folder: the chosen artifact under its final name, its manifest, the report, the pictures."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from edgegan.bench.environment import environment
from edgegan.compress.bundle import with_more, write_variants
from edgegan.compress.choose import EXACT
from edgegan.compress.measure import outputs
from edgegan.compress.on_device import FOLDER, device_report
from edgegan.compress.options import Options
from edgegan.compress.references import References
from edgegan.compress.retrace import command_of, layer_rows
from edgegan.compress.rows import Candidate
from edgegan.compress.subject import Subject
from edgegan.core.backends import backend, backend_names
from edgegan.core.files import write_bytes, write_json
from edgegan.core.manifest import (
    describe,
    free_batch_range,
    manifest_path,
    read_manifest,
    signature_path,
    write_manifest,
)
from edgegan.core.signing import sign
from edgegan.core.stage import StageResult, StageStore
from edgegan.export.bundle import BUILD_COMMAND, WEIGHTS
from edgegan.metrics.spectral import is_sound
from edgegan.report.html import write_html
from edgegan.report.pictures import Sheet
from edgegan.report.sound import sample_sound

if TYPE_CHECKING:
    from edgegan.core import schemas

BUNDLE = "g.edgegan"
SHOWN = ("report.json", "report.html", "samples.png", "samples.wav")


def _final_names() -> list[str]:
    """Every name that a chosen artifact may have."""
    return list(
        dict.fromkeys([*(f"g{backend(name).suffix}" for name in backend_names()), "g.xml", "g.bin", WEIGHTS, BUNDLE])
    )


def _clear_artifacts(out: Path) -> None:
    for name in _final_names():
        (out / name).unlink(missing_ok=True)
        manifest_path(out / name).unlink(missing_ok=True)
        signature_path(out / name).unlink(missing_ok=True)


def clear(out: Path) -> None:
    """Remove what a run writes, and nothing else."""
    _clear_artifacts(out)
    for name in SHOWN:
        (out / name).unlink(missing_ok=True)
    for name in ("stages", "candidates"):
        shutil.rmtree(out / name, ignore_errors=True)


def write_result(
    chosen: Candidate | None,
    baseline: Candidate,
    candidates: Sequence[Candidate],
    done: Sequence[tuple[str, StageResult[Any]]],
    subject: Subject,
    references: References,
    options: Options,
    store: StageStore,
) -> schemas.Report:
    """Write everything, the report last; returns the report."""
    out, root = options.out, store.path("candidates")
    shown = references.first()
    _clear_artifacts(out)
    placed = {row.name: _placed(row, options, root, subject.tiling) for row in candidates if row is not chosen}
    if chosen is not None:
        placed[chosen.name] = _written(
            chosen, _variants(chosen, baseline, candidates), subject, references, options, root
        )
    result: schemas.Result | None = None
    if chosen is not None:
        row = cast("schemas.Candidate", placed[chosen.name].to_json())
        result = {**row, "speedup": _speedup(baseline, chosen)}
        if options.sign is not None:
            sign(out / str(row["artifact"]), options.sign)
    own = outputs(root / chosen.built.runs, shown.inputs, options.threads) if chosen and chosen.built.runs else None
    span = subject.graph.spec.output_range
    sheet = Sheet.of(shown.original, own, span)
    sheet.write(out / "samples.png")
    sound = out / "samples.wav" if is_sound(shown.original.shape) else None
    if sound is not None:
        sample_sound(shown.original, own, span, sound)
    report: schemas.Report = {
        "schema": 1,
        "model": subject.name,
        "target": options.target.name,
        "seed": options.seed,
        "environment": environment(options.threads),
        "warnings": [*_warnings(options, subject, done), *_inexact(baseline)],
        "baseline": baseline.to_json(),
        "stages": [{"name": name, "seconds": stage.seconds, "notes": list(stage.notes)} for name, stage in done],
        "candidates": cast("list[schemas.Candidate]", [placed[row.name].to_json() for row in candidates]),
        "result": result,
        "command": command_of(options),
    }
    if chosen is not None:
        built = chosen.built
        rows = layer_rows(subject.graph, references.network, built.precision or "fp32", built.precision_exceptions)
        if rows is not None:
            report["layers"] = rows
    if training := (store.read("pruned") or {}).get("training"):
        report["training"] = training
    write_html(report, sheet, out / "report.html", sound)
    write_json(out / "report.json", report)
    return report


def _copy(source: Path, target: Path, further: Mapping[str, Any]) -> None:
    """An artifact, what belongs to it, and its manifest with ``further`` keys."""
    others = [str(entry["name"]) for entry in read_manifest(source).content["files"][1:]]
    for own, name in ((source.name, target.name), *((name, name) for name in others)):
        write_bytes(target.with_name(name), source.with_name(own).read_bytes())
    write_json(manifest_path(target), {**read_manifest(source).content, **further})


def _placed(row: Candidate, options: Options, root: Path, further: Mapping[str, Any]) -> Candidate:
    """``row`` with where its file is found: in ``candidates/`` where that was asked for, else among the stages."""
    if row.built.artifact is None:
        return row
    file = root / row.built.artifact
    if options.keep_candidates:
        kept = options.out / "candidates" / row.name / file.name
        _copy(file, kept, further)
        file = kept
    return replace(row, built=replace(row.built, artifact=str(file.relative_to(options.out))))


def _variants(chosen: Candidate, baseline: Candidate, candidates: Sequence[Candidate]) -> list[Candidate]:
    """What a device may choose from: what passes here, the chosen one first, and the network as it came."""
    return [chosen, *(row for row in candidates if row.passed and row is not chosen), baseline]


def _written(
    row: Candidate,
    variants: Sequence[Candidate],
    subject: Subject,
    references: References,
    options: Options,
    root: Path,
) -> Candidate:
    """``row`` under its final name: the artifact itself, or the bundle of ``variants`` that the device builds it from,
    and beside it the engine where it was built already."""
    assert row.built.artifact is not None
    source = root / row.built.artifact
    if options.target.build != "device":
        path = options.out / source.name
        _copy(source, path, subject.tiling)
        return _at(row, path)
    path = options.out / BUNDLE
    rows = [variant.built for variant in variants]
    if options.device is None:
        rows = with_more(rows, root)
    wanted = references.first(row.figures.quality["compared_pictures"])
    write_variants(path, rows, root, subject, options, wanted)
    _write_bundle_manifest(path, row, subject, options)
    kept = device_report(root)["result"] if options.device is not None else None
    if kept is not None and kept["name"] == row.name:
        path = options.out / kept["artifact"]
        _copy(root / FOLDER / kept["artifact"], path, subject.tiling)
    return _at(row, path)


def _at(row: Candidate, path: Path) -> Candidate:
    return replace(row, built=replace(row.built, artifact=path.name, bytes=path.stat().st_size))


def _write_bundle_manifest(path: Path, row: Candidate, subject: Subject, options: Options) -> None:
    graph = subject.graph
    content = describe(
        artifact=path,
        backend=options.target.runtime,
        backend_version="built on the device",
        target=options.target.name,
        precision=row.built.precision or "fp32",
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
    if options.batches:
        content["batch"] = free_batch_range(options.batches)
    write_manifest(path, {**content, **subject.tiling})


def _speedup(baseline: Candidate, chosen: Candidate) -> float | None:
    if baseline.p50_ms is None or chosen.p50_ms is None:
        return None
    return baseline.p50_ms / chosen.p50_ms


def _inexact(baseline: Candidate) -> list[str]:
    """A warning where the plain conversion computes something else than the network; no candidate like that passes."""
    if baseline.psnr_db is None or baseline.psnr_db >= EXACT:
        return []
    return [
        f"WARNING: the plain conversion has {baseline.psnr_db:.1f} dB although it is float32: its backend's converter "
        "or kernels compute something else"
    ]


def _warnings(options: Options, subject: Subject, done: Sequence[tuple[str, StageResult[Any]]]) -> list[str]:
    warnings = list(subject.notes)
    warnings += [note for _, stage in done for note in stage.notes if note.startswith("WARNING")]
    if options.target.measured_as:
        warnings.append(f"measured as {options.target.measured_as}")
    return warnings
