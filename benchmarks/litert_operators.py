"""What stands between two convolutions, in LiteRT's float32 and in int8 as EdgeGAN quantizes it, by operator.

Two maps of 64x64 pixels and 64 channels, a 1x1 convolution before and after, one thread; both files in turns in one
process. Where LiteRT has only a reference kernel for int8, two to thirty times slower, the operator stays in float
(``edgegan.quantize.litert.SLOW_IN_INT8``). Aim: int8 is faster than float32 with every one.
``python -m benchmarks.litert_operators [OPERATOR ...]``.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn
from torch.nn import functional as F

from benchmarks.common import missing, publish, renewed
from edgegan.bench.ratios import in_rounds
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.export.litert import export_litert
from edgegan.graph.capture import capture
from edgegan.quantize.litert import observe, quantize

SHAPE = (64, 64, 64)
SPEC = GeneratorSpec(inputs=tuple(TensorSpec(name=name, kind="latent", shape=SHAPE) for name in "xy"))
Operator = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
OPERATORS: dict[str, Operator] = {
    "add": torch.add,
    "multiply": torch.mul,
    "divide": lambda a, b: a / b.abs().clamp(min=0.5),
    "maximum": torch.maximum,
    "rsqrt": lambda a, b: ((a * b).abs() + 1).rsqrt(),
    "square root": lambda a, b: (a * b).abs().sqrt(),
    "exponential": lambda a, b: torch.exp(a - b),
    "where": lambda a, b: torch.where(a > b, a, b),
    "matrix product": torch.matmul,
    "softmax": lambda a, b: torch.softmax(a + b, 1),
    "ReLU of a sum": lambda a, b: torch.relu(a + b),
    "ReLU of a join": lambda a, b: torch.relu(torch.cat([a, b], 1)),
    "LeakyReLU": lambda a, b: F.leaky_relu(a + b, 0.2),
    "ELU": lambda a, b: F.elu(a + b),
    "GELU": lambda a, b: F.gelu(a + b),
    "SiLU": lambda a, b: F.silu(a + b),
    "Mish": lambda a, b: F.mish(a + b),
    "hard swish": lambda a, b: F.hardswish(a + b),
    "softplus": lambda a, b: F.softplus(a + b),
    "tanh": lambda a, b: torch.tanh(a + b),
    "sine": lambda a, b: torch.sin(a + b),
    "variance": lambda a, b: b * a / (a.var((2, 3), keepdim=True) + 1).sqrt(),
    "pixel norm": lambda a, b: a * torch.rsqrt((a * a).mean(1, keepdim=True) + 1e-8) + b,
    "mean": lambda a, b: (a * b).mean((2, 3), keepdim=True) * a,
    "average pool": lambda a, b: F.avg_pool2d(a + b, 2),
    "bilinear": lambda a, b: F.interpolate(a + b, scale_factor=2, mode="bilinear"),
    "pixel shuffle": lambda a, b: F.pixel_shuffle(a + b, 2),
    "reflection": lambda a, b: F.pad(a + b, (2, 2, 2, 2), mode="reflect"),
}


class Between(nn.Module):
    def __init__(self, operator: Operator) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.operator, self.first, self.second = operator, nn.Conv2d(64, 64, 1), nn.Conv2d(64, 64, 1)
        self.last = nn.Conv2d(operator(*(torch.ones(1, *SHAPE),) * 2).shape[1], 8, 1)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        image: torch.Tensor = self.last(self.operator(self.first(x), self.second(y)))
        return image


def opened(path: Path) -> Callable[[], None]:
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    for detail, values in zip(interpreter.get_input_details(), _drawn(0), strict=True):
        interpreter.set_tensor(detail["index"], values)
    call: Callable[[], None] = interpreter.invoke
    return call


def _drawn(seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.standard_normal((1, *SHAPE), np.float32) for _ in SPEC.inputs]


def row_of(name: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        floats, int8 = Path(folder) / "float.tflite", Path(folder) / "int8.tflite"
        graph = capture(Between(OPERATORS[name]).eval(), SPEC)
        export_litert(graph.module, graph.example_inputs(), floats)
        quantize(floats, observe(floats, map(_drawn, range(4)), "auto"), int8)
        latencies, ratios = in_rounds({"float32": opened(floats), "int8": opened(int8)}, rounds=8)
        ratio = ratios["int8"]
        return {
            "family": name, "float32_ms": latencies["float32"].p50, "int8_ms": latencies["int8"].p50,
            "times_as_fast": ratio.value, "interval": [ratio.low, ratio.high],
        }  # fmt: skip


def report(rows: list[dict[str, Any]]) -> None:
    lines = [
        [row["family"], f"{row['float32_ms']:.2f}", f"{row['int8_ms']:.2f}", f"{row['times_as_fast']:.2f}"]
        for row in rows
    ]
    aims = missing(rows, list(OPERATORS))
    aims |= {
        f"{row['family']}: int8 is {row['times_as_fast']:.2f} times as fast as float32 (aim: 1)": row["times_as_fast"]
        >= 1
        for row in rows
    }
    columns = ["between two convolutions", "float32 ms", "int8 ms", "times as fast"]
    publish("litert_operators", "LiteRT, 64 channels of 64x64, one thread", columns, lines, {"rows": rows}, aims)


def main() -> None:
    for name in sys.argv[1:] or OPERATORS:
        report(renewed("litert_operators", row_of(name), list(OPERATORS)))


if __name__ == "__main__":
    main()
