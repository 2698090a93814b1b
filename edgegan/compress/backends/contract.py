"""What a backend must say to be compressed for, and what it is given to build with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from edgegan.compress.plan import Plan
from edgegan.core.backends import backend
from edgegan.core.manifest import describe, free_batch_range, write_manifest
from edgegan.core.target import Target
from edgegan.graph.graph import Graph
from edgegan.graph.pixels import with_pixels
from edgegan.quantize.calibration import Batches
from edgegan.quantize.layers import Layer, layers
from edgegan.quantize.scheme import FloatParts, Scheme

T = TypeVar("T")


@dataclass(frozen=True)
class Requirement:
    """What exporting needs beside the backend's runtime: a distribution, as imported, and the extra that brings it."""

    distribution: str
    module: str
    extra: str


@dataclass(frozen=True)
class Variant:
    """One way of a precision: what an int8 candidate leaves in float, and what float means there."""

    float_parts: FloatParts = FloatParts.NOTHING
    rest_precision: str = "fp32"


@dataclass(frozen=True)
class Artifact:
    """A file that was made: the backend whose session loads it, and what its manifest says of how it was built."""

    path: Path
    backend: str
    build: dict[str, Any] = field(default_factory=dict)

    def write_manifest(
        self,
        graph: Graph,
        *,
        precision: str,
        target: str,
        model: str,
        weights_sha256: str,
        exceptions: Mapping[str, str] | None = None,
        pixels: bool = False,
        batches: tuple[int, ...] = (),
    ) -> None:
        """Put the manifest beside the file; ``graph`` is the form that it was made of. ``batches``: the least, the
        usual and the most samples of one whose batch is free."""
        content = describe(
            artifact=self.path,
            backend=self.backend,
            backend_version=backend(self.backend).version() or "not installed here",
            target=target,
            precision=precision,
            spec=graph.spec,
            output_shape=graph.output_shape[1:],
            batch=graph.batch,
            model=model,
            weights_sha256=weights_sha256,
            build=self.build,
            exceptions=dict(exceptions or {}),
            pixels=pixels,
        )
        if batches:
            content["batch"] = free_batch_range(batches)
        write_manifest(self.path, content)


@dataclass(frozen=True)
class Made:
    """The files of a candidate. ``stand_in``: what is loaded here for figures in the artifact's place."""

    artifact: Artifact
    notes: tuple[str, ...] = ()
    stand_in: Artifact | None = None


@dataclass(frozen=True, kw_only=True)
class Form:
    """A float graph, ready to be built from, with what candidates of it share: each is found out once.

    ``name`` tells it from the run's other forms, ``folder`` is for files that several candidates are made from.
    ``batches`` draws the calibration inputs anew. ``pixels``: the artifact is to end in uint8 pictures.
    """

    graph: Graph
    name: str
    folder: Path
    batches: Callable[[], Batches]
    pixels: bool = False
    notes: tuple[str, ...] = ()
    _known: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)
    _fixed: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    def ended(self, graph: Graph) -> Graph:
        """``graph``, this one or one made of it, as it is exported."""
        return with_pixels(graph) if self.pixels else graph

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gives, remembered under ``key``."""
        return _once(self._known, key, make)

    def fixed(self, key: Hashable, make: Callable[[], T]) -> T:
        """The same of what does not depend on calibration."""
        return _once(self._fixed, key, make)

    def calibrated_on(self, batches: Callable[[], Batches]) -> Form:
        """This form with other calibration inputs; what does not depend on them is shared."""
        return replace(self, batches=batches, _known={})

    @cached_property
    def layers(self) -> list[Layer]:
        return layers(self.graph)


def _once(known: dict[Hashable, Any], key: Hashable, make: Callable[[], T]) -> T:
    if key not in known:
        known[key] = make()
    value: T = known[key]
    return value


@runtime_checkable
class Builder(Protocol):
    """All that compressing knows about one backend.

    ``label``: as people call it. ``scheme``: the int8 that it takes. ``channels_last``: the layout of its forms.
    ``composes``: whether the form of each layer is chosen by timing it here. ``weight_bits``: of int8 layers.
    ``requirement``: what exporting needs beside the runtime. ``stand_in``: what computes figures here in its place, in
    words; None where its own runtime does, whose time then counts.
    """

    label: str
    scheme: Scheme
    channels_last: bool
    composes: bool
    weight_bits: tuple[int, ...]
    requirement: Requirement | None
    stand_in: str | None

    def variants(self, precision: str, parts: Collection[FloatParts]) -> tuple[Variant, ...]:
        """The ways of ``precision`` worth building, of a network that has those ``parts`` beside its layers; none where
        the backend does not compute in it here."""
        ...

    def forms(self, precision: str) -> tuple[str, ...]:
        """Forms of the whole network worth building, beside the one composed layer by layer."""
        ...

    def rest_precisions(self, plan: Plan, macs: int) -> tuple[str, ...]:
        """What else than float32 the raised layers of ``plan``, of ``macs`` multiply-accumulates, may compute in."""
        ...

    def ready(self, graph: Graph) -> Graph:
        """The float graph in the form that int8 is made of."""
        ...

    def make(self, form: Form, plan: Plan, scheme: Scheme, target: Target | None, folder: Path) -> Made:
        """Quantize and export one candidate into ``folder``; ``target`` is None for a layer that is timed by itself.

        Raises TargetError or ModelError where the backend, or its converter, refuses.
        """
        ...

    def convert(self, graph: Graph, target: Target, folder: Path) -> Made:
        """The network as it comes, converted the plain way. Raises TargetError where that fails."""
        ...


@runtime_checkable
class FreesBatch(Protocol):
    """A builder whose artifacts may take any number of samples."""

    def freed(self, made: Made, batch: int, batches: tuple[int, int, int], target: Target) -> Made:
        """What was made for ``batch`` samples, in place, for any number from the least to the most of ``batches``.
        Raises TargetError where it keeps its batch."""
        ...
