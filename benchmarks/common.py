"""What the benchmarks share: the subject, one interleaved measurement, a table, a JSON."""

from __future__ import annotations

import json
import re
import subprocess
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.bench.environment import environment
from edgegan.bench.latency import interleaved
from edgegan.cli.console import table
from edgegan.core.errors import first_line
from edgegan.core.files import write_json
from edgegan.core.manifest import read_manifest
from edgegan.core.sampling import sample_inputs
from edgegan.metrics.pairwise import psnr_db

RESULTS = Path(__file__).parent / "results"
THREADS = 2
BACKENDS = ("onnxruntime", "openvino", "litert")
F32 = {"INFERENCE_PRECISION_HINT": "f32"}
"""OpenVINO in float32 where the processor has bfloat16."""
warnings.filterwarnings("ignore")


@dataclass
class Contender:
    """A tool's result: ``call`` runs one inference; ``images`` are its pictures for the shared inputs."""

    name: str
    call: Callable[[], Any]
    images: np.ndarray


def subject(name: str = "fashion-dcgan"):
    """A generator of the zoo as a module and a captured graph."""
    from edgegan.graph.capture import capture
    from edgegan.models.loading import load_model

    loaded = load_model(name, [], None, None, None, 1)
    return loaded.module, capture(loaded.module, loaded.spec)


def shared_inputs(graph, count: int = 64, seed: int = 42) -> dict[str, np.ndarray]:
    return sample_inputs(graph.spec.inputs, count, seed)


def measure(
    contenders: list[Contender], reference: np.ndarray, seconds: float = 4.0, span: tuple[float, float] = (-1, 1)
) -> list[dict[str, Any]]:
    """Latency of all, in turns, and PSNR of each against the float network."""
    latencies = interleaved({c.name: c.call for c in contenders}, seconds=seconds, rounds=8)
    return [
        {"name": c.name, "latency_ms": latencies[c.name].to_json(), "psnr_db": psnr_db(reference, c.images, span)}
        for c in contenders
    ]


def provenance() -> dict[str, Any]:
    """What a row was measured with: the commit (``+`` where files differ from it), the day, the machine."""
    here = environment(THREADS)
    made_from = (here["commit"] or "unknown")[:12]
    if (RESULTS.parents[1] / ".git").exists() and _git("status", "--porcelain", "../edgegan"):
        made_from += "+"
    today = datetime.now(timezone.utc).date().isoformat()
    return {"commit": made_from, "date": today, "environment": here}


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


UNKNOWN = {"measured": None, "measured_reason": "measured before rows kept their commit and environment"}


JUDGE = "--judge"
"""Given instead of families: nothing is measured, the rows at hand are judged again."""


def renewed(name: str, row: dict[str, Any] | None, order: Sequence[str]) -> list[dict[str, Any]]:
    """The families' rows in ``results/NAME.json`` with ``row`` in its place, in the order given; None: as they are. A
    row that says when it was ``measured`` keeps that."""
    path = RESULTS / f"{name}.json"
    known = {r["family"]: r for r in (json.loads(path.read_text())["rows"] if path.exists() else [])}
    if row is not None:
        known[row["family"]] = {"measured": provenance()} | row
    rows = [known[family] for family in order if family in known]
    return [_without_folders(row if "measured" in row else row | UNKNOWN) for row in rows]


def _without_folders(value: Any) -> Any:
    """What tools said, without the folders that a machine's files lie in."""
    if isinstance(value, dict):
        return {key: _without_folders(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_folders(each) for each in value]
    return re.sub(r"/(?:[^\s:/]+/)+", "", value) if isinstance(value, str) else value


def missing(rows: Sequence[dict[str, Any]], wanted: Sequence[str]) -> dict[str, bool]:
    """A family without a row is an aim that was missed."""
    there = {row["family"] for row in rows}
    return {f"{family}: not measured": False for family in wanted if family not in there}


def publish(
    name: str, title: str, columns: list[str], rows: list[list[str]], content: dict[str, Any], verdicts: dict[str, bool]
) -> None:
    """Print the table and each aim with its outcome; write ``results/NAME.json``."""
    table(title, columns, rows)
    for aim, met in verdicts.items():
        print(f"{'met    ' if met else 'NOT MET'}  {aim}")
    write_json(
        RESULTS / f"{name}.json",
        {
            "benchmark": name,
            "command": f"python -m benchmarks.{name}",
            **content,
            "aims": verdicts,
            **provenance(),
        },
    )


def _rows(inputs: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """The shared inputs, one sample at a time."""
    return [
        {k: np.ascontiguousarray(v[i : i + 1]) for k, v in inputs.items()}
        for i in range(len(next(iter(inputs.values()))))
    ]


def _contender(
    name: str, run: Callable[[dict[str, np.ndarray]], np.ndarray], inputs: dict[str, np.ndarray]
) -> Contender:
    rows = _rows(inputs)
    images = np.concatenate([run(row) for row in rows])
    return Contender(name, lambda: run(rows[0]), images)


def litert_contender(name: str, path: Path, inputs: dict[str, np.ndarray]) -> Contender:
    """A .tflite file through the vendor's own interpreter."""
    from ai_edge_litert.interpreter import Interpreter

    from edgegan.runtime.litert import inputs_by_argument

    interpreter = Interpreter(str(path), num_threads=THREADS)
    interpreter.allocate_tensors()
    details = {list(inputs)[argument]: detail for argument, detail in inputs_by_argument(interpreter).items()}
    places = [(key, detail["index"]) for key, detail in details.items()]
    typed = {key: inputs[key].astype(detail["dtype"]) for key, detail in details.items()}
    result = interpreter.get_output_details()[0]["index"]

    def run(row: dict[str, np.ndarray]) -> np.ndarray:
        for key, index in places:
            interpreter.set_tensor(index, row[key])
        interpreter.invoke()
        image: np.ndarray = interpreter.get_tensor(result)
        return image

    return _contender(name, run, typed)


def onnxruntime_contender(name: str, path: Path, inputs: dict[str, np.ndarray]) -> Contender:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(row: dict[str, np.ndarray]) -> np.ndarray:
        image: np.ndarray = session.run(None, row)[0]
        return image

    return _contender(name, run, inputs)


def openvino_contender(
    name: str, model: Any, inputs: dict[str, np.ndarray], hints: dict[str, Any] | None = None
) -> Contender:
    import openvino

    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": THREADS} | (hints or {})
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()

    def run(row: dict[str, np.ndarray]) -> np.ndarray:
        image: np.ndarray = request.infer(row, share_inputs=True)[0].copy()
        return image

    return _contender(name, run, inputs)


def torch_compile_contender(name: str, module: Any, inputs: dict[str, np.ndarray]) -> Contender:
    import torch

    torch.set_num_threads(THREADS)
    compiled = torch.compile(module)

    @torch.no_grad()
    def run(row: dict[str, np.ndarray]) -> np.ndarray:
        image: np.ndarray = compiled(*(torch.from_numpy(v) for v in row.values())).numpy()
        return image

    return _contender(name, run, inputs)


def vendor_contender(name: str, backend: str, artifact: Path, inputs: dict[str, np.ndarray]) -> Contender:
    """The artifact through the same calls of the vendor's as its peers; what EdgeGAN's runtime adds is
    benchmarks.runtime's subject."""
    if backend == "litert":
        return litert_contender(name, artifact, inputs)
    if backend == "onnxruntime":
        return onnxruntime_contender(name, artifact, inputs)
    return openvino_contender(
        name,
        str(artifact),
        inputs,
        {"INFERENCE_PRECISION_HINT": read_manifest(artifact).content["build"]["inference_precision"]},
    )


def attempt(name: str, make: Callable[[str], Contender]) -> tuple[str, Contender | str]:
    """A peer's own tool may refuse a network in any way it likes; what it said is the result."""
    try:
        return name, make(name)
    except Exception as exc:
        return name, f"{type(exc).__name__}: {first_line(exc)}"


def ours(name: str, artifact: Path, inputs: dict[str, np.ndarray]) -> Contender:
    """An artifact through EdgeGAN's own runtime, checks and all."""
    from edgegan.runtime import load

    generator = load(artifact, threads=THREADS)
    first = {k: v[:1] for k, v in inputs.items()}
    return Contender(name, lambda: generator.run(first), generator.images(inputs))
