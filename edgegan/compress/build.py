"""Building a candidate: quantize, export, and the manifest by which it can be loaded and measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgegan.bench.partitions import partitions
from edgegan.compress.options import Options
from edgegan.compress.plans import Plan, graph_name
from edgegan.compress.refine import refine
from edgegan.compress.subject import Subject
from edgegan.core.errors import GeneratorError, OutputError, TargetError, first_line
from edgegan.core.files import write_bytes
from edgegan.core.manifest import describe, write_manifest
from edgegan.core.stage import StageResult, stopwatch
from edgegan.export.depth_to_space import depth_to_space
from edgegan.export.litert import export_litert, halve_weights
from edgegan.export.onnx import export_onnx
from edgegan.export.tensorrt import RtxEngine, build_rtx, check_with_parser, rtx_manifest
from edgegan.graph import cost
from edgegan.graph.graph import Graph
from edgegan.graph.passes import LITERT_INT8
from edgegan.graph.pixels import with_pixels
from edgegan.graph.rewrite import apply
from edgegan.quantize.scheme import Scheme, scheme_of
from edgegan.quantize.sensitivity import layers
from edgegan.runtime.backends import BACKENDS

VALUE_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2, "int8": 1}
Key = tuple[str, int, str]
"""What candidates share that quantize one float graph alike: the scheme, the bits of its weights, the graph."""
TENSORRTS = ("tensorrt", "tensorrt-rtx")


@dataclass
class Workshop:
    """Everything that candidates are built from; float files that several share are made once.

    ``graphs`` are the forms of the network, ``rounded`` those that int8 is made from: trained for it, or equalized.
    """

    subject: Subject
    options: Options
    graphs: dict[str, Graph]
    rounded: dict[str, Graph]
    root: Path
    _refined: dict[Key, StageResult[Graph]] = field(default_factory=dict)
    _seen: dict[Key, Any] = field(default_factory=dict)
    _quantized: dict[tuple[Key, str, frozenset[int]], tuple[Graph, tuple[str, ...]]] = field(default_factory=dict)
    _observed: dict[Path, Any] = field(default_factory=dict)
    _built: dict[Plan, dict[str, Any]] = field(default_factory=dict)

    def build(self, plan: Plan) -> dict[str, Any]:
        """Make the candidate's files in ``root/NAME``, once, and describe it; a refusal by a backend is described, not
        raised.

        ``runs``: the file to load for figures, relative to ``root``. ``stand_in``: what loads it when that is not the
        target's own runtime.
        """
        if plan not in self._built:
            self._built[plan] = self._build(plan)
        return dict(self._built[plan])

    def _build(self, plan: Plan) -> dict[str, Any]:
        graph = self.graph(plan)
        row: dict[str, Any] = {
            "name": plan.name,
            "artifact": None,
            "backend": plan.backend,
            "formulation": plan.formulation,
            "precision": plan.precision,
            "precision_exceptions": {},
            "macs": cost.macs(graph),
            "params": cost.params(graph),
            "bytes_moved": cost.values_moved(graph) * VALUE_BYTES[plan.precision],
            "bytes": None,
            "notes": [],
            "error": None,
            "runs": None,
            "stand_in": None,
        }
        folder = self.root / plan.name
        with stopwatch() as seconds:
            try:
                row |= self._make(plan, graph, folder)
            except OutputError:
                raise
            except GeneratorError as exc:
                row["error"] = first_line(exc)
            row["seconds"] = seconds()
        return row

    def graph(self, plan: Plan) -> Graph:
        graphs = self.rounded if plan.precision == "int8" else self.graphs
        return graphs[graph_name(plan.backend, plan.formulation, plan.precision)]

    def _raised(self, plan: Plan) -> dict[str, str]:
        return (
            {layer.node: plan.rest for layer in layers(self.quantizable(plan)) if layer.index in plan.raised}
            if plan.raised
            else {}
        )

    def scheme(self, plan: Plan) -> Scheme:
        return scheme_of(plan.backend, self.options.observer, plan.weight_bits)

    def _key(self, plan: Plan) -> Key:
        return self.scheme(plan).name, plan.weight_bits, graph_name(plan.backend, plan.formulation, plan.precision)

    def quantizable(self, plan: Plan) -> Graph:
        """The float graph that an int8 candidate is made of."""
        return self._quantizable(plan).value

    def _quantizable(self, plan: Plan) -> StageResult[Graph]:
        key = self._key(plan)
        if key not in self._refined:
            graph, scheme = self.graph(plan), self.scheme(plan)
            ready = StageResult(apply(graph, LITERT_INT8).value if plan.backend == "litert" else graph)
            if self.options.refinements:
                ready = refine(
                    ready.value,
                    self.options.refinements,
                    scheme,
                    lambda: self.subject.calibration_batches(self.options),
                    self.subject.probe_inputs(self.options),
                )
            self._refined[key] = ready
        return self._refined[key]

    def _make(self, plan: Plan, graph: Graph, folder: Path) -> dict[str, Any]:
        if plan.backend == "litert":
            return self._litert(plan, graph, folder)
        onnx = folder / ("g.onnx" if plan.backend != "tensorrt-rtx" else "graph.onnx")
        notes: tuple[str, ...] = ()
        if plan.precision == "int8":
            graph, notes = self._int8(plan)
        export_onnx(self._ended(graph), onnx, half=plan.precision == "fp16", half_rest=plan.rest == "fp16")
        if plan.backend in TENSORRTS:
            return self._tensorrt(plan, folder, onnx, notes)
        return self._described(
            plan,
            onnx,
            plan.backend,
            _hints(plan.backend, plan.rest if plan.precision == "int8" else plan.precision),
            notes,
        )

    def _ended(self, graph: Graph) -> Graph:
        """As exported: in pixels where that was asked for."""
        return with_pixels(graph) if self.options.uint8_output else graph

    def _int8(self, plan: Plan) -> tuple[Graph, tuple[str, ...]]:
        """The quantized graph in the backend's scheme."""
        from edgegan.quantize import pt2e
        from edgegan.quantize.seen import Seen

        scheme, key = self.scheme(plan), (self._key(plan), plan.kept, plan.raised)
        if key not in self._quantized:
            ready = self._quantizable(plan)
            seen = self._seen.setdefault(self._key(plan), Seen(scheme.observer))
            done = pt2e.quantize(
                ready.value,
                scheme,
                self.subject.calibration_batches(self.options),
                plan.raised,
                plan.kept == "outputs",
                seen,
            )
            self._quantized[key] = (done.value, (*ready.notes, *done.notes))
        return self._quantized[key]

    def _litert(self, plan: Plan, graph: Graph, folder: Path) -> dict[str, Any]:
        artifact = folder / "g.tflite"
        notes: tuple[str, ...] = ()
        exceptions: dict[str, str] = {}
        if plan.precision == "int8":
            from edgegan.quantize import litert

            folder.mkdir(parents=True, exist_ok=True)
            ready = self._quantizable(plan)
            shared = ready.value is self.graphs.get(graph_name("litert", plan.formulation, "int8"))
            floats = self._litert_float(plan, ready.value, "" if shared else f"-int{plan.weight_bits}")
            if floats not in self._observed:
                samples = ([t.numpy() for t in batch] for batch in self.subject.calibration_batches(self.options))
                self._observed[floats] = litert.observe(floats, samples, self.options.observer)
            notes = (
                *ready.notes,
                *litert.quantize(
                    floats, self._observed[floats], artifact, plan.kept, plan.raised, plan.rest, plan.weight_bits
                ).notes,
            )
            exceptions = {k: "fp32" for k in [litert.TOLD[plan.kept]] if k}
        elif plan.precision == "fp16":
            halve_weights(self._litert_float(plan, graph), artifact)
            notes = ("weights stored as float16, unpacked to float32 where the device has no float16 arithmetic",)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            write_bytes(artifact, self._litert_float(plan, graph).read_bytes())
        depth_to_space(artifact)
        return self._described(plan, artifact, "litert", {}, (*notes, partitions(artifact).note), exceptions)

    def _litert_float(self, plan: Plan, graph: Graph, use: str = "") -> Path:
        """The float file of a formulation; ``use`` tells what it was made ready for."""
        path = self.root / "litert-float" / f"{graph_name('litert', plan.formulation, plan.precision)}{use}.tflite"
        if not path.exists():
            export_litert(self._ended(graph).module, graph.example_inputs(), path)
        return path

    def _tensorrt(self, plan: Plan, folder: Path, onnx: Path, notes: tuple[str, ...]) -> dict[str, Any]:
        """The ONNX is checked with NVIDIA's parser, and stands in for the plan where figures need something that runs
        here."""
        stand_in = self._described(plan, onnx, "onnxruntime", {}, ())
        described = {
            **stand_in,
            "runs": stand_in["runs"],
            "stand_in": "ONNX Runtime, on the graph that TensorRT is given",
        }
        if plan.backend == "tensorrt":
            return described | {
                "artifact": stand_in["artifact"],
                "notes": [*notes, *_parser_notes(onnx, plan.precision == "int8")],
            }
        capability = self.options.target.compute_capability
        assert capability is not None
        engine, plan_file = build_rtx(onnx, capability), folder / "g.plan"
        write_bytes(plan_file, engine.plan)
        told = (_int8_note(engine),) if plan.precision == "int8" else ()
        made = self._described(plan, plan_file, "tensorrt-rtx", rtx_manifest(capability), (*notes, *told))
        return described | {k: made[k] for k in ("artifact", "bytes", "notes")}

    def _described(
        self,
        plan: Plan,
        artifact: Path,
        backend: str,
        build: dict[str, Any],
        notes: tuple[str, ...],
        exceptions: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        graph, exceptions = self.graph(plan), (exceptions or {}) | self._raised(plan)
        if plan.kept == "outputs":
            exceptions |= {"what no layer reads": plan.rest}
        content = describe(
            artifact=artifact,
            backend=backend,
            backend_version=BACKENDS[backend].version() or "not installed here",
            target=self.options.target.name,
            precision=plan.precision,
            spec=graph.spec,
            output_shape=graph.output_shape[1:],
            batch=graph.batch,
            model=self.subject.name,
            weights_sha256=self.subject.fingerprint,
            build=build,
            exceptions=exceptions,
            pixels=self.options.uint8_output and plan.formulation != "original",
        )
        write_manifest(artifact, content)
        place = str(artifact.relative_to(self.root))
        return {
            "artifact": place,
            "runs": place,
            "bytes": artifact.stat().st_size,
            "notes": list(notes),
            "precision_exceptions": exceptions,
        }

    def baseline(self) -> dict[str, Any]:
        """The uncompressed model in the target's own runtime, converted the plain way; ONNX Runtime where that
        fails."""
        backend = self.options.target.runtime
        plan = Plan(backend=backend, formulation="original", precision="fp32")
        self.graphs["original"] = self.subject.graph
        folder = self.root / "baseline"
        row: dict[str, Any] = {
            "name": "baseline",
            "backend": backend,
            "macs": cost.macs(self.subject.graph),
            "params": cost.params(self.subject.graph),
            "bytes_moved": cost.values_moved(self.subject.graph) * VALUE_BYTES["fp32"],
            "stand_in": None,
            "error": None,
        }
        if backend == "litert":
            try:
                export_litert(self.subject.graph.module, self.subject.graph.example_inputs(), folder / "g.tflite")
                return row | self._described(plan, folder / "g.tflite", "litert", {}, ())
            except TargetError as exc:
                note = f"the plain conversion fails ({first_line(exc)}), so the baseline is ONNX Runtime float32"
                onnx = export_onnx(self.subject.graph, folder / "g.onnx")
                return row | self._described(plan, onnx, "onnxruntime", {}, (note,)) | {"backend": "onnxruntime"}
        onnx = export_onnx(self.subject.graph, folder / "graph.onnx")
        if backend not in TENSORRTS:
            return row | self._described(plan, onnx, backend, _hints(backend, "fp32"), ())
        return row | self._tensorrt_baseline(plan, folder, onnx, backend)

    def _tensorrt_baseline(self, plan: Plan, folder: Path, onnx: Path, backend: str) -> dict[str, Any]:
        try:
            return self._tensorrt(plan, folder, onnx, ())
        except TargetError as exc:
            note = f"the plain conversion fails ({first_line(exc)}), so the baseline is ONNX Runtime float32"
            return self._described(plan, onnx, "onnxruntime", {}, (note,)) | {
                "backend": "onnxruntime",
                "stand_in": None,
            }


def _hints(backend: str, precision: str) -> dict[str, Any]:
    """What the backend is told beside the file."""
    return {"inference_precision": {"fp32": "f32", "bf16": "bf16"}.get(precision)} if backend == "openvino" else {}


def _int8_note(engine: RtxEngine) -> str:
    found = engine.precisions
    others = ", ".join(f"{count} {kind.lower()}" for kind, count in found.items() if kind != "Int8")
    return (
        f"TensorRT-RTX's build log: {found['Int8']} of {found.total()} convolutions and matrix products take int8"
        + (f", {others}" if others else "")
    )


def _parser_notes(onnx: Path, is_int8: bool) -> list[str]:
    """What NVIDIA's parser, and for int8 its compiler, make of a Jetson's graph; they come with tensorrt-rtx, which
    this target does not otherwise need."""
    if BACKENDS["tensorrt-rtx"].version() is None:
        return [
            "not checked with NVIDIA's ONNX parser: tensorrt-rtx is not installed (pip install 'edgegan[tensorrt-rtx]')"
        ]
    found = check_with_parser(onnx)
    accepted = (
        f"accepted by NVIDIA's ONNX parser {found['parser_version']}: {found['layers']} layers, "
        f"{found['quantize_layers']} of them quantize or dequantize"
    )
    return [accepted, *([_int8_note(build_rtx(onnx))] if is_int8 else [])]
