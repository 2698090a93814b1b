"""The way from a generator to an artifact, on one page: load, prune, rewrite, build, measure, choose, write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgegan.compress.autotune import autotune, forms_graph
from edgegan.compress.build import Workshop
from edgegan.compress.choose import judge, ranked
from edgegan.compress.distances import add_distances
from edgegan.compress.measure import measure
from edgegan.compress.mixed import mix
from edgegan.compress.options import Options, data_sha256
from edgegan.compress.plans import Plan, graph_name, lacking, plain_formulations, plans, supports_bf16
from edgegan.compress.qat import fine_tune
from edgegan.compress.refine import refine
from edgegan.compress.sensitivity import sensitivity
from edgegan.compress.subject import Subject, load_subject
from edgegan.compress.write import clear, write_result
from edgegan.core.errors import GateError
from edgegan.core.progress import Progress, Silent
from edgegan.core.stage import StageResult, StageStore, stopwatch
from edgegan.graph.check import Reference
from edgegan.graph.graph import Graph, load, save
from edgegan.graph.rewrite import rewrite
from edgegan.prune.channels import prune, recapture, share_for_macs_ratio
from edgegan.prune.distil import Settings, distil
from edgegan.quantize.scheme import ONNXRUNTIME, TENSORRT, scheme_of

STAGES = ("prune", "rewrite", "quantize", "export", "measure")


@dataclass(frozen=True)
class Report:
    """What a run found: ``content`` is report.json, ``path`` where it lies, None for a run that stopped at a stage."""

    content: dict[str, Any]
    path: Path | None

    @property
    def result(self) -> dict[str, Any] | None:
        chosen: dict[str, Any] | None = self.content.get("result")
        return chosen


def run(options: Options, progress: Progress | None = None, until: str = "measure") -> Report:
    """Compress ``options.model`` for ``options.target`` into ``options.out``, resuming what an earlier run finished.

    ``until`` names the last stage to run (STAGES). Raises GateError, after writing the report, when nothing passes.
    """
    progress = progress or Silent()
    progress.stage("load")
    with stopwatch() as seconds:
        subject = load_subject(options)
        loaded: StageResult[Subject] = StageResult(subject, subject.notes, seconds())
    if options.force:
        clear(options.out)
    store = StageStore(options.out / "stages", options.identity(subject.fingerprint, data_sha256(options.data)))
    with store.claimed():
        return _run(loaded, options, store, progress, until)


def _run(loaded: StageResult[Subject], options: Options, store: StageStore, progress: Progress, until: str) -> Report:
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
    equalized = stage("equalize", lambda: _equalize(trained, subject, options)) if options.equalize else trained
    graphs = stage("rewrite", lambda: _rewrite(network, options, store))
    rounded = graphs if equalized is network else stage("rewrite for int8", lambda: _rewrite(equalized, options, store))
    if until == "rewrite":
        return Report(_stages(done), None)
    workshop = Workshop(subject, options, graphs, rounded, store.path("candidates"))
    if until == "sensitivity":
        return Report(_stages(done) | {"sensitivity": sensitivity(workshop, _todo(workshop)[0], progress)}, None)
    rows = stage("build", lambda: _build(workshop, network, store, progress, quantized_only=until == "quantize"))
    if until in ("quantize", "export"):
        return Report(_stages(done) | {"candidates": rows}, None)
    figures = stage("measure", lambda: _measure(rows, subject, network, options, store))
    rows = [
        row | figures[row["name"]] | {"error": row["error"] or figures[row["name"]]["error"]}
        if row["name"] in figures
        else _unbuilt(row)
        for row in rows
    ]
    baseline, candidates = rows[0], rows[1:]
    for row in candidates:
        row["passed"], row["reason"] = judge(row, options.min_psnr)
    order = ranked(candidates, options.target)
    chosen = stage("distances", lambda: add_distances(order, baseline, subject, options, store, progress))
    report = write_result(chosen, baseline, candidates, done, subject, network, options, store)
    if chosen is None:
        raise GateError(_why_not(candidates, options))
    return Report(report, options.out / "report.json")


def _prune(subject: Subject, options: Options, store: StageStore, progress: Progress) -> StageResult[Graph]:
    """The pruned and distilled network, or the original where nothing is to be removed."""
    if not options.prunes:
        return StageResult(subject.graph, ("no pruning was asked for",))
    file, known = store.path("pruned.pt2"), store.read("pruned")
    if known is not None and file.exists():
        return StageResult(load(file, subject.graph.spec, options.batch), (*known["notes"],), known["seconds"])
    with stopwatch() as seconds:
        share = options.prune or share_for_macs_ratio(subject.graph, options.macs_ratio or 1.0)
        removed = prune(subject.graph, share)
        graph, network = removed.value
        notes = list(removed.notes)
        if options.steps:
            settings = Settings(steps=options.steps, seed=options.seed)
            learned = distil(subject.graph, network, settings, subject.images, store.path("distil.pt"), progress.step)
            graph, notes = recapture(learned.value, subject.graph), notes + list(learned.notes)
        else:
            notes.append(
                "WARNING: no distillation steps: the pruned network was never trained and its pictures are poor"
            )
        save(graph, file)
        store.write("pruned", {"notes": notes, "seconds": seconds()})
        store.path("distil.pt").unlink(missing_ok=True)
        return StageResult(load(file, graph.spec, options.batch), tuple(notes), seconds())


def _qat(graph: Graph, subject: Subject, options: Options, store: StageStore, progress: Progress) -> StageResult[Graph]:
    """``graph`` with weights that were trained under simulated rounding."""
    file, known = store.path("qat.pt2"), store.read("qat")
    if known is not None and file.exists():
        return StageResult(load(file, subject.graph.spec, options.batch), (*known["notes"],), known["seconds"])
    scheme = replace(
        TENSORRT if options.target.runtime.startswith("tensorrt") else ONNXRUNTIME,
        observer=options.observer,
        weight_bits=options.weight_bits,
    )
    done = fine_tune(
        graph,
        scheme,
        options.qat_steps,
        options.seed,
        subject.calibration_batches(options),
        subject.images,
        store.path("qat.pt"),
        progress.step,
        subject.graph,
    )
    save(done.value, file)
    store.write("qat", {"notes": list(done.notes), "seconds": done.seconds})
    store.path("qat.pt").unlink(missing_ok=True)
    return StageResult(load(file, graph.spec, options.batch), done.notes, done.seconds)


def _equalize(graph: Graph, subject: Subject, options: Options) -> StageResult[Graph]:
    """The same function, scaled for int8, of the cleaned graph."""
    scheme = scheme_of(options.target.runtime, options.observer)
    return refine(
        rewrite(graph, "native").value,
        ("equalize",),
        scheme,
        lambda: subject.calibration_batches(options),
        subject.probe_inputs(options),
    )


def _rewrite(graph: Graph, options: Options, store: StageStore) -> StageResult[dict[str, Graph]]:
    """Every form of the network that the target's backends may want and that differs from those before it."""
    with stopwatch() as seconds:
        reference = Reference(graph)
        made = {name: rewrite(graph, name, reference) for name in _wanted_forms(options)}
        notes = [f"{name}: {'; '.join(result.notes) or 'nothing to rewrite'}" for name, result in made.items()]
        if made["phase" if "phase" in made else "native"].value.fingerprint() == made["native"].value.fingerprint():
            made.pop("phase", None)
        elif options.formulation == "auto" and options.target.runs_here and options.device is None:
            for name, result, chosen in _composed(made, reference, options, store):
                made[name] = result
                notes += [f"{name}: {note}" for note in chosen]
        return StageResult({name: result.value for name, result in made.items()}, tuple(notes), seconds())


def _wanted_forms(options: Options) -> list[str]:
    """``native``, from which forms are composed, and what was asked for, in the layout of each backend."""
    chosen = "phase" if options.formulation == "auto" else options.formulation
    layouts = [""] + ["-nhwc"] * ("litert" in options.target.runtimes)
    return list(dict.fromkeys(["native", *(chosen + layout for layout in layouts)]))


def _composed(
    made: dict[str, StageResult[Graph]], reference: Reference, options: Options, store: StageStore
) -> Iterator[tuple[str, StageResult[Graph], list[str]]]:
    """For each installed backend and precision the graph of its fastest layers, where that is none of the plain
    forms."""
    native = made["native"].value
    for backend in options.target.runtimes:
        if lacking(backend, options.target) is not None:
            continue
        for precision in ("fp32", "int8"):
            choice = autotune(native, backend, precision, options.threads, store.path("autotune"))
            result = forms_graph(native, choice, backend, reference)
            if result.value.fingerprint() not in {
                made[form].value.fingerprint() for form in plain_formulations(backend, precision)
            }:
                yield graph_name(backend, "auto", precision), result, choice.notes()


def _build(
    workshop: Workshop, network: Graph, store: StageStore, progress: Progress, quantized_only: bool
) -> StageResult[list[dict[str, Any]]]:
    """The baseline, then every candidate, each kept as soon as it is made; then those of mixed precision that the gate
    asks for."""
    with stopwatch() as seconds:
        todo, notes = _todo(workshop)
        if quantized_only:
            todo = [plan for plan in todo if plan.precision == "int8"]
        store.path("candidates").mkdir(exist_ok=True)
        baseline = store.read("baseline")
        if baseline is None:
            baseline = workshop.baseline()
            store.write("baseline", baseline)
        rows = [baseline]
        for index, plan in enumerate(todo):
            name = f"candidates/{plan.name}"
            row = store.read(name)
            if row is None:
                row = workshop.build(plan)
                store.write(name, row)
            rows.append(row)
            progress.step(index + 1, len(todo))
            if row["error"]:
                notes.append(f"{plan.name}: {row['error']}")
        if not quantized_only:
            key = f"mixed-{workshop.options.min_psnr:g}"
            known = store.read(key)
            if known is None:
                found, told = mix(workshop, todo, rows[1:], workshop.options.min_psnr, network)
                known = {"rows": found, "notes": told}
                store.write(key, known)
            rows += known["rows"]
            notes += known["notes"]
        return StageResult(rows, (*baseline["notes"], *notes), seconds())


def _todo(workshop: Workshop) -> tuple[list[Plan], list[str]]:
    options = workshop.options
    return plans(
        options.target, options.precision, workshop.graphs, supports_bf16(), options.formulation, options.weight_bits
    )


def _measure(
    rows: list[dict[str, Any]], subject: Subject, pruned: Graph, options: Options, store: StageStore
) -> StageResult[dict[str, dict[str, Any]]]:
    names = sorted(row["name"] for row in rows)
    known = store.read("measured")
    if known is not None and known["names"] == names:
        return StageResult(known["figures"], ("taken from the run before",), known["seconds"])
    with stopwatch() as seconds:
        figures, notes = measure(rows, subject, pruned, options, store.path("candidates"))
        store.write("measured", {"names": names, "figures": figures, "seconds": seconds()})
        return StageResult(figures, notes, seconds())


def _unbuilt(row: dict[str, Any]) -> dict[str, Any]:
    """A candidate that could not be made has no figures, and says why."""
    names = ("psnr_db", "psnr_original_db", "ssim", "fd_lite0", "kid_lite0")
    quality = {
        k: v for name in names for k, v in ((name, None), (f"{name}_reason", "the candidate could not be built"))
    }
    return row | {"latency_ms": None, "latency_ms_reason": "the candidate could not be built", "quality": quality}


def _stages(done: list[tuple[str, StageResult[Any]]]) -> dict[str, Any]:
    return {"stages": [{"name": name, "seconds": result.seconds, "notes": list(result.notes)} for name, result in done]}


def _why_not(candidates: list[dict[str, Any]], options: Options) -> str:
    measured = [row for row in candidates if row["quality"]["psnr_db"] is not None]
    best = max(measured, key=lambda row: row["quality"]["psnr_db"], default=None)
    closest = f"; the closest, {best['name']}: {best['reason']}" if best else ""
    return (
        f"none of {len(candidates)} candidates passed the gate{closest}.\nLower --min-psnr or --max-fd-ratio, or "
        f"allow other precisions; every figure is in {options.out / 'report.json'}"
    )
