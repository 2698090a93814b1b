"""The way from a generator to an artifact, on one page: load, prune, rewrite, build, measure, choose, write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from edgegan.compress.backends import builder
from edgegan.compress.budget import share_for_budget
from edgegan.compress.build import Workshop
from edgegan.compress.bundle import with_more
from edgegan.compress.candidates import build_all, planned
from edgegan.compress.choose import ranked
from edgegan.compress.data import data_sha256
from edgegan.compress.distances import choose
from edgegan.compress.energy import check_energy, measure_energy
from edgegan.compress.equalized import equalized, equalizer
from edgegan.compress.forms import forms
from edgegan.compress.measure import measure
from edgegan.compress.on_device import made_there
from edgegan.compress.options import Options
from edgegan.compress.qat import fine_tune
from edgegan.compress.references import References
from edgegan.compress.rows import UNBUILT, Built, Candidate, Figures
from edgegan.compress.sensitivity import sensitivity
from edgegan.compress.settings import STAGES, check_stage
from edgegan.compress.subject import Subject, load_subject
from edgegan.compress.verdict import Verdicts, judged
from edgegan.compress.write import clear, write_result
from edgegan.core.deadline import Deadline
from edgegan.core.errors import GateError
from edgegan.core.progress import Progress, Silent
from edgegan.core.signing import private_key
from edgegan.core.stage import StageResult, StageStore, stopwatch
from edgegan.graph.equivariance import tiling
from edgegan.graph.graph import Graph, load, save
from edgegan.graph.rewrite import rewrite
from edgegan.prune.channels import Pruning, recapture
from edgegan.prune.distil import distil
from edgegan.prune.lesson import Look
from edgegan.prune.place import train_device
from edgegan.prune.settings import Settings, weights_of
from edgegan.quantize.scheme import Scheme

SENSITIVITY = "sensitivity"


@dataclass(frozen=True)
class Report:
    """What a run found: ``content`` is report.json, ``path`` where it lies, None for a run that stopped at a stage.
    ``folders``: of the artifacts, where there is one for each number of samples."""

    content: dict[str, Any]
    path: Path | None
    folders: tuple[Path, ...] = ()

    @property
    def result(self) -> dict[str, Any] | None:
        chosen: dict[str, Any] | None = self.content.get("result")
        return chosen


def run(options: Options, progress: Progress | None = None, until: str = "measure") -> Report:
    """Compress ``options.model`` for ``options.target`` into ``options.out``, resuming what an earlier run finished.

    ``until`` names the last stage to run (STAGES); another name is a UsageError. Raises GateError, after
    writing the report, when nothing passes.
    """
    check_stage(until, (*STAGES, SENSITIVITY))
    check_energy(options)
    if options.sign is not None:
        private_key(options.sign)
    deadline = Deadline(options.time_budget)
    progress = progress or Silent()
    progress.stage("load")
    with stopwatch() as seconds:
        subject = load_subject(options)
        loaded: StageResult[Subject] = StageResult(subject, subject.notes, seconds())
    if options.force:
        clear(options.out)
    store = StageStore(options.out / "stages", options.identity(subject.fingerprint, data_sha256(options.data)))
    with store.claimed():
        return _run(loaded, options, store, progress, until, deadline)


def _run(
    loaded: StageResult[Subject],
    options: Options,
    store: StageStore,
    progress: Progress,
    until: str,
    deadline: Deadline,
) -> Report:
    subject = loaded.value
    done: list[tuple[str, StageResult[Any]]] = [("load", loaded)]

    def stage(name: str, work: Callable[[], StageResult[Any]]) -> Any:
        progress.stage(name)
        result = work()
        for note in result.notes:
            progress.note(note)
        done.append((name, result))
        return result.value

    pruned = stage("prune", lambda: _prune(subject, options, store, progress))
    if until == "prune":
        return Report(_stages(done), None)
    trained = stage("qat", lambda: _qat(pruned, subject, options, store, progress)) if options.qat else pruned
    network = trained if options.prunes else pruned
    scaled = trained
    if options.equalize:
        cleaned = rewrite(trained, "native").value
        scaled = stage("equalize", lambda: equalized(cleaned, subject, options, _int8_scheme(options)))
    if until == "measure" and network.spec.is_image_to_image:
        tiles = stage("tiles", lambda: _tiles(network, subject, options, store))
        subject = replace(subject, tiling=tiles)
    graphs = stage("rewrite", lambda: forms(network, options, store, progress.step))
    if scaled is network:
        rounded = graphs
    else:
        rounded = stage("rewrite for int8", lambda: forms(scaled, options, store, progress.step))
    if until == "rewrite":
        return Report(_stages(done), None)
    scale = equalizer(rounded["native"], subject, options, store)
    workshop = Workshop(subject, options, graphs, rounded, store.path("candidates"), scale)
    if until == SENSITIVITY:
        layer_figures = sensitivity(workshop, planned(workshop)[0], progress)
        return Report(_stages(done) | {SENSITIVITY: layer_figures}, None)
    rows = stage("build", lambda: build_all(workshop, network, store, progress, until == "quantize", deadline))
    if until in ("quantize", "export"):
        return Report(_stages(done) | {"candidates": [row.to_json() for row in rows]}, None)
    built_there = options.device is not None and options.target.build == "device"
    if built_there:
        rows = with_more(rows, workshop.root)
    references = References(subject, network, options)
    figures = stage("measure", lambda: _measure(rows, references, subject, options, store, progress))
    if built_there:
        rows = [*rows, *made_there(rows, workshop.root)]
    baseline, *candidates = (_candidate(row, figures.get(row.name), options, references) for row in rows)
    order = ranked(candidates, options.target.precisions, options.min_psnr)
    if options.prefer == "energy":
        frugal = stage("energy", lambda: measure_energy(order, subject, references, options, store, progress))
        by_name = {row.name: row for row in frugal}
        candidates = [by_name.get(row.name, row) for row in candidates]
        order = ranked(candidates, options.target.precisions, options.min_psnr)
    verdicts = Verdicts(subject, references, options, store, deadline)
    choice = stage("choose", lambda: choose(order, baseline, verdicts, subject, options, store, progress))
    judged = {row.name: row for row in choice.order}
    candidates = [judged.get(row.name, row) for row in candidates]
    report = write_result(choice.chosen, choice.baseline, candidates, done, subject, references, options, store)
    if choice.chosen is None:
        raise GateError(_why_not(candidates, options))
    return Report(dict(report), options.out / "report.json")


def _candidate(row: Built, figures: Figures | None, options: Options, references: References) -> Candidate:
    """A row of the report; the baseline is not judged."""
    candidate = Candidate(built=row, figures=figures or Figures.missing(UNBUILT))
    return candidate if row.is_baseline else replace(candidate, verdict=judged(candidate, options, references))


def _prune(subject: Subject, options: Options, store: StageStore, progress: Progress) -> StageResult[Graph]:
    """The pruned and distilled network, or the original where nothing is to be removed."""
    if not options.prunes:
        return StageResult(subject.graph, ("no pruning was asked for",))
    file, known = store.path("pruned.pt2"), store.read("pruned")
    if known is not None and file.exists():
        return StageResult(load(file, subject.graph.spec, options.batch), (*known["notes"],), known["seconds"])
    with stopwatch() as seconds:
        pruning = cache(lambda: Pruning(subject.graph, options.how_to_prune))
        found = _share(pruning, subject, options, store, progress)
        if not (found.value or options.drop_blocks):
            return StageResult(subject.graph, found.notes, found.seconds)
        removed = pruning().pruned(found.value)
        graph, network = removed.value
        looks: list[Look] = []

        def watch(look: Look) -> None:
            looks.append(look)
            progress.note(str(look))

        notes = [*found.notes, *removed.notes]
        if options.steps:
            device = train_device(options.train_device)
            settings = Settings(steps=options.steps, seed=options.seed, device=device, **weights_of(options.losses))
            learned = distil(
                subject.graph,
                network,
                settings,
                subject.data.images,
                store.path("distil.pt"),
                progress.step,
                progress.note,
                watch,
            )
            graph, notes = recapture(learned.value, subject.graph), [*notes, *learned.notes, *_drawn(subject)]
        else:
            notes.append(
                "WARNING: no distillation steps: the pruned network was never trained and its pictures are poor"
            )
        save(graph, file)
        store.write("pruned", {"notes": notes, "seconds": seconds(), "training": [asdict(look) for look in looks]})
        store.path("distil.pt").unlink(missing_ok=True)
        return StageResult(load(file, graph.spec, options.batch), tuple(notes), seconds())


def _share(
    pruning: Callable[[], Pruning], subject: Subject, options: Options, store: StageStore, progress: Progress
) -> StageResult[float]:
    """How much to remove, by whatever says so; ``pruning`` is asked for where that has to be tried."""
    if options.prune:
        return StageResult(options.prune)
    if options.macs_ratio is not None:
        return StageResult(pruning().share_for(options.macs_ratio))
    if not options.has_budget:
        return StageResult(0.0)
    return share_for_budget(pruning, subject, options, store, progress)


def _qat(graph: Graph, subject: Subject, options: Options, store: StageStore, progress: Progress) -> StageResult[Graph]:
    """``graph`` with weights that were trained under simulated rounding."""
    file, known = store.path("qat.pt2"), store.read("qat")
    if known is not None and file.exists():
        return StageResult(load(file, subject.graph.spec, options.batch), (*known["notes"],), known["seconds"])
    scheme = replace(_int8_scheme(options), weight_bits=options.weight_bits)
    done = fine_tune(
        graph,
        scheme,
        options.qat_steps,
        options.seed,
        subject.calibration_batches(options),
        subject.data.images,
        store.path("qat.pt"),
        progress.step,
        subject.graph,
        train_device(options.train_device),
        progress.note,
    )
    save(done.value, file)
    notes = (*done.notes, *_drawn(subject))
    store.write("qat", {"notes": list(notes), "seconds": done.seconds})
    store.path("qat.pt").unlink(missing_ok=True)
    return StageResult(load(file, graph.spec, options.batch), notes, done.seconds)


def _tiles(network: Graph, subject: Subject, options: Options, store: StageStore) -> StageResult[dict[str, Any]]:
    """What the manifest is to say of pictures of any size."""
    if (known := store.read("tiles")) is not None:
        return StageResult(known["said"], ("taken from the run before",), known["seconds"])
    with stopwatch() as seconds:
        found, sentence = tiling(network, subject.check_inputs(options, options.batch))
        said: dict[str, Any] = {"tiling": None, "tiling_reason": sentence}
        if found is not None:
            said = {"tiling": found.to_json()}
        store.write("tiles", {"said": said, "seconds": seconds()})
        return StageResult(said, (sentence,), seconds())


def _drawn(subject: Subject) -> list[str]:
    """A warning where training drew what --data gives by name."""
    names = ", ".join(subject.data.values)
    return [f"WARNING: training drew {names} at random, not from --data"] if names else []


def _int8_scheme(options: Options) -> Scheme:
    """What steps before the backends' own quantizers round by: the scheme of the target's first backend."""
    return replace(builder(options.target.runtime).scheme, observer=options.observer)


def _measure(
    rows: list[Built],
    references: References,
    subject: Subject,
    options: Options,
    store: StageStore,
    progress: Progress,
) -> StageResult[dict[str, Figures]]:
    names = sorted(row.name for row in rows)
    known = store.read("measured")
    if known is not None and known["names"] == names:
        figures = {name: Figures.from_json(row) for name, row in known["figures"].items()}
        return StageResult(figures, ("taken from the run before",), known["seconds"])
    with stopwatch() as seconds:
        figures, notes = measure(rows, references, subject, options, store.path("candidates"), progress)
        content = {name: row.to_json() for name, row in figures.items()}
        store.write("measured", {"names": names, "figures": content, "seconds": seconds()})
        return StageResult(figures, notes, seconds())


def _stages(done: list[tuple[str, StageResult[Any]]]) -> dict[str, Any]:
    return {"stages": [{"name": name, "seconds": result.seconds, "notes": list(result.notes)} for name, result in done]}


def _why_not(candidates: list[Candidate], options: Options) -> str:
    measured = [(row.psnr_db, row) for row in candidates if row.psnr_db is not None]
    if not measured:
        refusals = [row.verdict.reason for row in candidates if row.verdict]
        return (
            f"none of {len(candidates)} candidates could be built or run{': ' + refusals[0] if refusals else ''}\n"
            f"every refusal is in {options.out / 'report.json'}"
        )
    _, best = max(measured, key=lambda pair: pair[0])
    closest = f"; the closest, {best.name}: {best.verdict.reason}" if best.verdict else ""
    return (
        f"none of {len(candidates)} candidates passed the gate{closest}.\n"
        "Lower --min-psnr or --max-fd-ratio, or allow other precisions; "
        f"every figure is in {options.out / 'report.json'}"
    )
