"""``edgegan build``: unpack, build every variant, measure, choose, write; on the device, with its base install."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from edgegan.bench.clocks import clocks, doubts
from edgegan.bench.environment import environment
from edgegan.bench.worker import Outcome
from edgegan.compress.rows import Built, Candidate, Figures
from edgegan.core.deadline import Deadline
from edgegan.core.errors import GateError
from edgegan.core.files import write_json
from edgegan.core.manifest import copy_artifact, manifest_path, read_manifest, signature_path
from edgegan.core.progress import Progress, Silent
from edgegan.core.stage import stopwatch
from edgegan.engine.makers import makers
from edgegan.engine.measure import SECONDS, in_order, measured, metered
from edgegan.engine.pairs import without_costly
from edgegan.engine.variants import BASELINE, make_all
from edgegan.export.bundle import WEIGHTS, Bundle, unpack_bundle
from edgegan.export.tensorrt.device import EngineOptions
from edgegan.report.html import write_html
from edgegan.report.pictures import Sheet

if TYPE_CHECKING:
    from edgegan.core import schemas

ARTIFACTS = ("g.plan", "g.onnx", "g.pt2", WEIGHTS)
SHOWN = ("report.json", "report.html", "samples.png")


def build(
    path: Path,
    out: Path,
    options: EngineOptions | None = None,
    progress: Progress | None = None,
    seconds: float = SECONDS,
    pairs_budget: float | None = None,
) -> schemas.Report:
    """Build every variant of the bundle ``path`` with this device's TensorRT, and keep the fastest whose pictures hold
    the bundle's gate as ``out/g.plan`` with its manifest; the report says what each took and gave. Where the device has
    ONNX Runtime's CUDA provider, or a PyTorch that finds the GPU, these run the float variants too, and ``out/g.onnx``
    or ``out/g.pt2`` may be what is kept.
    ``seconds``: how long each is timed. ``pairs_budget``: most seconds spent on engines without some of the pairs of
    quantize and dequantize, to find those that cost more than they save; as long as building took where None.

    Raises MissingPackageError without either, DeviceError without a GPU, ArtifactError for a damaged bundle,
    GateError, after the report was written, where no engine passes.
    """
    progress = progress or Silent()
    stages: list[schemas.Stage] = []
    if path.with_name(f"{path.name}.json").exists():
        read_manifest(path)
    with TemporaryDirectory(prefix="edgegan-") as unpacked, TemporaryDirectory(prefix="edgegan-") as folder:
        bundle, root = unpack_bundle(path, Path(unpacked)), Path(folder)
        own_options = replace(options or EngineOptions(), batches=_batches(bundle))
        there = makers(own_options, path.with_name(f"{path.name}.timing-cache"))
        progress.stage("build")
        with stopwatch() as taken:
            rows = make_all(bundle, there, root, progress.step)
            notes = [*_built_notes(rows), *(note for maker in there for note in maker.notes)]
            stages.append({"name": "build", "seconds": taken(), "notes": notes})
        for note in notes:
            progress.note(note)
        progress.stage("measure")
        before = clocks()
        with stopwatch() as taken:
            candidates, outcomes = measured(bundle, rows, root, seconds, progress.step)
            stages.append({"name": "measure", "seconds": taken(), "notes": []})
        progress.stage("pairs")
        with stopwatch() as taken:
            deadline = Deadline(stages[0]["seconds"] if pairs_budget is None else pairs_budget)
            slimmer, notes = without_costly(bundle, candidates, there, root, seconds, deadline, progress.step)
            again, more = measured(bundle, slimmer, root, seconds, progress.step)
            candidates, outcomes = _renewed(candidates, again), outcomes | more
            stages.append({"name": "pairs", "seconds": taken(), "notes": notes})
        for note in notes:
            progress.note(note)
        if bundle.description.get("prefer") == "energy":
            progress.stage("energy")
            with stopwatch() as taken:
                candidates = metered(candidates, bundle, root)
                stages.append({"name": "energy", "seconds": taken(), "notes": []})
        around: schemas.ClocksAround = {"before": before, "after": clocks()}
        own = environment(1)
        own["versions"] |= {maker.backend: maker.version for maker in there}
        own["clocks"] = around
        return _written(bundle, candidates, outcomes, own, stages, root, out)


def _batches(bundle: Bundle) -> tuple[int, int, int]:
    batch = bundle.description["manifest"]["batch"]
    return int(batch["min"]), int(batch.get("usual", batch["max"])), int(batch["max"])


def _renewed(candidates: list[Candidate], again: list[Candidate]) -> list[Candidate]:
    """``candidates``, with what was measured again in its place and what is new behind it."""
    return list(({row.name: row for row in candidates} | {row.name: row for row in again}).values())


def _built_notes(rows: list[Built]) -> list[str]:
    return [f"{row.name}: {row.error or '; '.join((f'{row.seconds:.1f} s', *row.notes))}" for row in rows]


def _written(
    bundle: Bundle,
    candidates: list[Candidate],
    outcomes: dict[str, Outcome],
    own: schemas.Environment,
    stages: list[schemas.Stage],
    root: Path,
    out: Path,
) -> schemas.Report:
    """The engine under its final name, then the report. Raises GateError where none passes."""
    artifacts = [out / name for name in ARTIFACTS]
    beside = [place(artifact) for artifact in artifacts for place in (manifest_path, signature_path)]
    for path in (*artifacts, *beside, *(out / name for name in SHOWN)):
        path.unlink(missing_ok=True)
    baseline = next((row for row in candidates if row.name == BASELINE), None) or _no_baseline()
    judged = [row for row in candidates if row.name != BASELINE]
    order = in_order(judged)
    kept = order[0] if order else None
    if kept is not None:
        artifact = root / str(kept.built.artifact)
        copy_artifact(read_manifest(artifact), out)
    report = _report(bundle, baseline, judged, kept, own, stages)
    pictures = outcomes[kept.name].images if kept is not None else None
    sheet = Sheet.of(bundle.original, pictures, bundle.output_range)
    sheet.write(out / "samples.png")
    write_html(report, sheet, out / "report.html")
    write_json(out / "report.json", report)
    if kept is None:
        raise GateError(
            f"none of {len(judged)} engines passed the gate; {_closest(judged)}\n"
            f"Compress again with another --precision or a lower --min-psnr; every figure is in {out / 'report.json'}"
        )
    return report


def _report(
    bundle: Bundle,
    baseline: Candidate,
    judged: list[Candidate],
    kept: Candidate | None,
    own: schemas.Environment,
    stages: list[schemas.Stage],
) -> schemas.Report:
    description = bundle.description
    around = own["clocks"]
    rows = {row.name: _without_place(row).to_json() for row in judged}
    result: schemas.Result | None = None
    if kept is not None:
        rows[kept.name]["artifact"] = Path(str(kept.built.artifact)).name
        speedup = None if baseline.p50_ms is None or kept.p50_ms is None else baseline.p50_ms / kept.p50_ms
        result = {**cast("schemas.Candidate", rows[kept.name]), "speedup": speedup}
    return {
        "schema": 1,
        "model": str(description["model"]),
        "target": str(description.get("target", {}).get("name", description["manifest"]["target"])),
        "seed": int(description.get("seed", 0)),
        "environment": own,
        "warnings": doubts(around["before"], around["after"], own["cores"] or 1),
        "baseline": _without_place(baseline).to_json(),
        "stages": stages,
        "candidates": cast("list[schemas.Candidate]", list(rows.values())),
        "result": result,
    }


def _without_place(row: Candidate) -> Candidate:
    """Only the engine that is kept stays."""
    return replace(row, built=replace(row.built, artifact=None))


def _no_baseline() -> Candidate:
    why = "the bundle does not hold the network as it came"
    built = Built(name=BASELINE, backend="tensorrt", macs=0, params=0, bytes_moved=0, error=why)
    return Candidate(built=built, figures=Figures.missing(why))


def _closest(judged: list[Candidate]) -> str:
    """The one that comes nearest to the network's pictures, and why it does not pass."""
    row = max(judged, key=lambda row: -1.0 if row.psnr_db is None else row.psnr_db)
    return f"the closest, {row.name}: {row.verdict.reason if row.verdict else 'not judged'}"
