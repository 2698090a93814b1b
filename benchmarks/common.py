"""What the benchmarks share: the subject, one interleaved measurement, a table, a JSON."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.bench.environment import environment
from edgegan.bench.latency import interleaved
from edgegan.cli.console import table
from edgegan.core.files import write_json
from edgegan.core.sampling import sample_inputs
from edgegan.metrics.pairwise import psnr_db

RESULTS = Path(__file__).parent / "results"
THREADS = 2
warnings.filterwarnings("ignore")


@dataclass
class Contender:
    """A tool's result: ``call`` runs one inference; ``images`` are its pictures for the shared inputs."""

    name: str
    call: Callable[[], Any]
    images: np.ndarray


def subject():
    """fashion-dcgan as a module and a captured graph."""
    from edgegan.graph.capture import capture
    from edgegan.models.loading import load_model

    loaded = load_model("fashion-dcgan", [], None, None, None, 1)
    return loaded.module, capture(loaded.module, loaded.spec)


def shared_inputs(graph, count: int = 64, seed: int = 42) -> dict[str, np.ndarray]:
    return sample_inputs(graph.spec.inputs, count, seed)


def measure(contenders: list[Contender], reference: np.ndarray, seconds: float = 4.0) -> list[dict[str, Any]]:
    """Latency of all, in turns, and PSNR of each against the float network."""
    latencies = interleaved({c.name: c.call for c in contenders}, seconds=seconds, rounds=8)
    return [{"name": c.name, "latency_ms": latencies[c.name].to_json(), "psnr_db": psnr_db(reference, c.images, (-1, 1))} for c in contenders]


def publish(name: str, title: str, columns: list[str], rows: list[list[str]], content: dict[str, Any], verdicts: dict[str, bool]) -> None:
    """Print the table and each aim with its outcome; write ``results/NAME.json``."""
    table(title, columns, rows)
    for aim, met in verdicts.items():
        print(f"{'met    ' if met else 'NOT MET'}  {aim}")
    write_json(RESULTS / f"{name}.json", {"benchmark": name, "command": f"python -m benchmarks.{name}", **content, "aims": verdicts, "environment": environment(THREADS)})


def litert_contender(name: str, path: Path, inputs: dict[str, np.ndarray]) -> Contender:
    """A .tflite file through the vendor's own interpreter."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=THREADS)
    interpreter.allocate_tensors()
    place, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def call(row: np.ndarray = inputs["z"][:1]) -> np.ndarray:
        interpreter.set_tensor(place, row)
        interpreter.invoke()
        image: np.ndarray = interpreter.get_tensor(result)
        return image

    return Contender(name, call, np.concatenate([call(inputs["z"][i : i + 1]) for i in range(len(inputs["z"]))]))


def onnxruntime_contender(name: str, path: Path, inputs: dict[str, np.ndarray]) -> Contender:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def call(row: np.ndarray = inputs["z"][:1]) -> np.ndarray:
        image: np.ndarray = session.run(None, {"z": row})[0]
        return image

    return Contender(name, call, np.concatenate([call(inputs["z"][i : i + 1]) for i in range(len(inputs["z"]))]))


def openvino_contender(name: str, model: Any, inputs: dict[str, np.ndarray]) -> Contender:
    import openvino

    request = openvino.Core().compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": THREADS}).create_infer_request()

    def call(row: np.ndarray = inputs["z"][:1]) -> np.ndarray:
        image: np.ndarray = request.infer({0: row}, share_inputs=True)[0].copy()
        return image

    return Contender(name, call, np.concatenate([call(inputs["z"][i : i + 1]) for i in range(len(inputs["z"]))]))


def ours(name: str, artifact: Path, inputs: dict[str, np.ndarray]) -> Contender:
    """An artifact through EdgeGAN's own runtime, checks and all."""
    from edgegan.runtime import load

    generator = load(artifact, threads=THREADS)
    first = {k: v[:1] for k, v in inputs.items()}
    return Contender(name, lambda: generator.run(first), generator.images(inputs))
