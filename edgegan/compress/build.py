"""Building candidates: each from its form of the network, by its backend's builder, with the manifest by which it is
loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgegan.compress.backends import REFERENCE, builder
from edgegan.compress.backends.contract import Form, FreesBatch, Made
from edgegan.compress.forms import Forms
from edgegan.compress.options import Options
from edgegan.compress.plan import Plan, graph_name
from edgegan.compress.refine import refine
from edgegan.compress.rows import Built
from edgegan.compress.subject import Subject
from edgegan.core.errors import GeneratorError, OutputError, TargetError, first_line
from edgegan.core.stage import StageResult, stopwatch
from edgegan.export.dynamic_batch import ONE_EACH
from edgegan.graph import cost
from edgegan.graph.graph import Graph
from edgegan.quantize.scheme import Scheme

HASTY_SAMPLES = 2
VALUE_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2, "int8": 1}


@dataclass
class Workshop:
    """Everything that candidates are built from; what several share is made once.

    ``graphs`` are the forms of the network, ``rounded`` those that int8 is made from: trained for it, or equalized.
    ``equalized`` makes those of candidates that are equalized by themselves, for a scheme, with what was found; None
    where nothing gains.
    """

    subject: Subject
    options: Options
    graphs: Forms
    rounded: Forms
    root: Path
    equalized: Callable[[Scheme], StageResult[Forms | None]] = lambda scheme: StageResult(None)
    _ready: dict[tuple[str, int, str, bool], StageResult[Graph]] = field(default_factory=dict)
    _forms: dict[int, Form] = field(default_factory=dict)
    _built: dict[Plan, Built] = field(default_factory=dict)

    def build(self, plan: Plan) -> Built:
        """Make the candidate's files in ``root/NAME``, once, and describe it; a refusal by a backend is described, not
        raised."""
        if plan not in self._built:
            self._built[plan] = self._build(plan, self.root / plan.name)
        return self._built[plan]

    def _build(self, plan: Plan, folder: Path, samples: int | None = None) -> Built:
        """``samples``: how many calibrate instead of those that were asked for."""
        row = self._row(plan.name, plan.backend, self._graph(plan), plan.precision)
        row = replace(row, formulation=plan.formulation, precision=plan.precision)
        with stopwatch() as seconds:
            try:
                form, scheme = self.form(plan), self.scheme(plan)
                if samples is not None:
                    few = replace(self.options, calibration_samples=samples)
                    form = form.calibrated_on(lambda: self.subject.calibration_batches(few))
                    scheme = replace(scheme, observer="minmax")
                made = self._freed(
                    builder(plan.backend).make(form, plan, scheme, self.options.target, folder), plan.backend
                )
                row = self._with_files(row, made, self._graph(plan), plan.exceptions, form.pixels)
            except OutputError:
                raise
            except GeneratorError as exc:
                row = replace(row, error=first_line(exc))
            return replace(row, seconds=seconds())

    def baseline(self) -> Built:
        """The uncompressed model in the target's own runtime, converted the plain way; float32 in the runtime that
        takes any network where that fails."""
        graph, target, folder = self.subject.graph, self.options.target, self.root / "baseline"
        row = self._row("baseline", target.runtime, graph, "fp32")
        try:
            made = self._freed(builder(target.runtime).convert(graph, target, folder), target.runtime)
        except TargetError as exc:
            other = builder(REFERENCE)
            made = self._freed(other.convert(graph, target, folder), REFERENCE)
            note = f"the plain conversion fails ({first_line(exc)}), so the baseline is {other.label} float32"
            row = self._row("baseline", REFERENCE, graph, "fp32")
            made = replace(made, notes=(note,))
        return self._with_files(row, made, graph, {}, pixels=False)

    def build_hastily(self, plan: Plan) -> Built:
        """An int8 candidate in ``root/hasty/NAME`` that is as fast as the one it stands for, but not as faithful: it is
        hardly calibrated."""
        return self._build(plan, self.root / "hasty" / plan.name, HASTY_SAMPLES)

    def notes_on_forms(self) -> list[str]:
        """What was chosen for the layers of forms that were composed since they were first asked for."""
        return self.graphs.notes if self.rounded is self.graphs else [*self.graphs.notes, *self.rounded.notes]

    def can_time(self, plan: Plan) -> bool:
        """Whether this machine's time for the candidate stands for the target's."""
        return self.options.target.runs_here and builder(plan.backend).stand_in is None

    def scheme(self, plan: Plan) -> Scheme:
        own = builder(plan.backend).scheme
        return replace(own, observer=self.options.observer, weight_bits=plan.weight_bits)

    def form(self, plan: Plan) -> Form:
        """The float graph that a candidate is made of, with what candidates of it share."""
        name = self._name(plan)
        ready = self._quantizable(plan) if plan.precision == "int8" else StageResult(self._graph(plan))
        graph = ready.value
        if id(graph) not in self._forms:
            own = graph is self._graph(plan) and (plan.precision != "int8" or self.rounded is self.graphs)
            whose = "-equalized" if plan.equalized else "" if own else f"-int{plan.weight_bits}"
            self._forms[id(graph)] = Form(
                graph=graph,
                name=f"{name}{whose}",
                folder=self.root,
                batches=lambda: self.subject.calibration_batches(self.options),
                pixels=self.options.uint8_output,
                notes=ready.notes,
            )
        return self._forms[id(graph)]

    def _quantizable(self, plan: Plan) -> StageResult[Graph]:
        """Ready for the backend, and refined where that was asked for, which depends on how weights are rounded."""
        refinements = self.options.refinements
        key = self.scheme(plan).name, plan.weight_bits if refinements else 8, self._name(plan), plan.equalized
        if key not in self._ready:
            ready = StageResult(builder(plan.backend).ready(self._graph(plan)))
            if refinements:
                subject, options = self.subject, self.options
                ready = refine(
                    ready.value,
                    refinements,
                    self.scheme(plan),
                    lambda: subject.calibration_batches(options),
                    subject.probe_inputs(options),
                )
            self._ready[key] = ready
        return self._ready[key]

    def _graph(self, plan: Plan) -> Graph:
        if plan.equalized:
            forms = self.equalized(self.scheme(plan)).value
            assert forms is not None
            return forms[self._name(plan)]
        return (self.rounded if plan.precision == "int8" else self.graphs)[self._name(plan)]

    def _name(self, plan: Plan) -> str:
        return graph_name(plan.backend, plan.formulation, plan.precision)

    def _row(self, name: str, backend_name: str, graph: Graph, precision: str) -> Built:
        """What is known before anything is made."""
        return Built(
            name=name,
            backend=backend_name,
            macs=cost.macs(graph),
            params=cost.params(graph),
            bytes_moved=cost.values_moved(graph) * VALUE_BYTES[precision],
        )

    def _with_files(self, row: Built, made: Made, graph: Graph, exceptions: Mapping[str, str], pixels: bool) -> Built:
        """``row`` with its files, for which manifests are written."""
        runs = made.stand_in or made.artifact
        for file in [made.artifact] if runs is made.artifact else [runs, made.artifact]:
            file.write_manifest(
                graph,
                precision=row.precision or "fp32",
                target=self.options.target.name,
                model=self.subject.name,
                weights_sha256=self.subject.fingerprint,
                exceptions=exceptions,
                pixels=pixels,
                batches=self._own_batches,
            )
        return replace(
            row,
            artifact=self._place(made.artifact.path),
            runs=self._place(runs.path),
            bytes=made.artifact.path.stat().st_size,
            notes=made.notes,
            precision_exceptions=dict(exceptions),
            stand_in=builder(row.backend).stand_in,
        )

    def _freed(self, made: Made, backend: str) -> Made:
        """For any number of samples where that was asked for and the device does not build anew."""
        if not self._own_batches:
            return made
        least, usual, most = self._own_batches
        own = builder(backend)
        if not isinstance(own, FreesBatch):
            raise TargetError(f"{own.label} takes one number of samples, {ONE_EACH}")
        return own.freed(made, self.subject.graph.batch, (least, usual, most), self.options.target)

    @property
    def _own_batches(self) -> tuple[int, ...]:
        """The least, the usual and the most samples of a free batch; none where the bundle is freed instead."""
        return () if self.options.target.build == "device" else self.options.batches

    def _place(self, path: Path) -> str:
        return str(path.relative_to(self.root))
