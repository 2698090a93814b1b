"""The forms of the network that candidates are built from: rewritten whole, or composed of the fastest layers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgegan.compress.autotune import autotune, forms_graph
from edgegan.compress.backends import builder
from edgegan.compress.options import Options
from edgegan.compress.plan import graph_name
from edgegan.compress.plans import lacking, layout
from edgegan.core.stage import StageResult, StageStore, stopwatch
from edgegan.graph.check import Reference
from edgegan.graph.cost import is_large
from edgegan.graph.graph import Graph
from edgegan.graph.rewrite import rewrite


@dataclass(frozen=True)
class Composer:
    """Makes the form of the layers that ``backend`` runs fastest in ``precision``."""

    native: Graph
    reference: Reference
    backend: str
    precision: str
    threads: int
    folder: Path

    @property
    def name(self) -> str:
        return graph_name(self.backend, "auto", self.precision)

    def make(self) -> StageResult[Graph]:
        """The graph, checked; the notes say what was chosen for each layer."""
        choice = autotune(self.native, self.backend, self.precision, self.threads, self.folder)
        result = forms_graph(self.native, choice, self.backend, self.reference)
        return replace(result, notes=tuple(f"{self.name}: {note}" for note in choice.notes()))


class Forms(Mapping[str, Graph]):
    """Graphs by the name of their form; one of ``later`` is composed when it is first asked for, and then has its
    ``notes``."""

    def __init__(self, made: Mapping[str, Graph], later: Iterable[Composer] = ()) -> None:
        self._made, self._later = dict(made), {composer.name: composer for composer in later}
        self.notes: list[str] = []

    def __getitem__(self, name: str) -> Graph:
        if name in self._later:
            result = self._later.pop(name).make()
            self._made[name] = result.value
            self.notes += result.notes
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._made or name in self._later

    def __iter__(self) -> Iterator[str]:
        return iter([*self._made, *self._later])

    def __len__(self) -> int:
        return len(self._made) + len(self._later)


def forms(
    graph: Graph, options: Options, store: StageStore, told: Callable[[int, int], object] | None = None
) -> StageResult[Forms]:
    """Every form of the network that the target's backends may want and that differs from those before it; of a large
    network those of composed layers, which stand for the others, are made as they are asked for. ``told`` hears how
    many are made, of how many."""
    with stopwatch() as seconds:
        reference = Reference(graph)
        made: dict[str, StageResult[Graph]] = {}
        wanted = _wanted_forms(options)
        for name in wanted:
            made[name] = rewrite(graph, name, reference)
            if told:
                told(len(made), len(wanted))
        notes = [f"{name}: {'; '.join(result.notes) or 'nothing to rewrite'}" for name, result in made.items()]
        composers: list[Composer] = []
        if made["phase" if "phase" in made else "native"].value.fingerprint() == made["native"].value.fingerprint():
            made.pop("phase", None)
        elif options.formulation == "auto" and options.target.runs_here and options.device is None:
            composers = _composers(made["native"].value, reference, options, store)
        if is_large(graph):
            return StageResult(Forms(_values(made), composers), tuple(notes), seconds())
        for index, composer in enumerate(composers):
            if told:
                told(index, len(composers))
            result = composer.make()
            if not _stands_already(result.value, made, builder(composer.backend).forms(composer.precision)):
                made[composer.name] = result
                notes += result.notes
        return StageResult(Forms(_values(made)), tuple(notes), seconds())


def _wanted_forms(options: Options) -> list[str]:
    """``native``, from which forms are composed, and what was asked for, in the layout of each backend."""
    chosen = "phase" if options.formulation == "auto" else options.formulation
    layouts = sorted({"", *(layout(backend) for backend in options.target.runtimes)})
    return list(dict.fromkeys(["native", *(chosen + suffix for suffix in layouts)]))


def _composers(native: Graph, reference: Reference, options: Options, store: StageStore) -> list[Composer]:
    """For each installed backend and precision."""
    return [
        Composer(native, reference, backend, precision, options.threads, store.path("autotune"))
        for backend in options.target.runtimes
        if lacking(backend, options.target) is None and builder(backend).composes
        for precision in ("fp32", "int8")
    ]


def _stands_already(graph: Graph, made: Mapping[str, StageResult[Graph]], plain: Collection[str]) -> bool:
    """Whether it is one of the ``plain`` forms that its backend is built in anyway."""
    same = next((name for name, form in made.items() if form.value.fingerprint() == graph.fingerprint()), None)
    return same in plain


def _values(made: Mapping[str, StageResult[Graph]]) -> dict[str, Graph]:
    return {name: result.value for name, result in made.items()}
