"""Layers as ONNX Runtime's own profiler times them, on the CPU."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgegan.bench.profile.contract import WARMUP, Layer, Profile, repeated
from edgegan.core.manifest import Manifest
from edgegan.runtime.onnxruntime import open_session

KERNEL, CALL = "_kernel_time", "model_run"
"""How the profiler names the time of a node's kernel, and of a whole call."""


def profile(manifest: Manifest, inputs: Mapping[str, np.ndarray], threads: int, seconds: float) -> Profile:
    with tempfile.TemporaryDirectory(prefix="edgegan-") as folder:
        session = open_session(manifest, threads, profile_into=Path(folder) / "profile")
        given = {i.name: inputs[i.name] for i in session.get_inputs()}
        for _ in range(WARMUP):
            session.run(None, given)
        whole, calls = repeated(lambda: session.run(None, given), seconds)
        events = json.loads(Path(session.end_profiling()).read_text())
    return Profile(source="ONNX Runtime's profiler", layers=_layers(events, calls), whole_ms=whole, calls=calls)


def _layers(events: list[dict[str, Any]], calls: int) -> tuple[Layer, ...]:
    """Of the last ``calls`` calls."""
    begun = sorted(int(e["ts"]) for e in events if e.get("cat") == "Session" and e["name"] == CALL)[-calls]
    spent: dict[tuple[str, str], float] = defaultdict(float)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(KERNEL) and int(event["ts"]) >= begun:
            spent[event["name"].removesuffix(KERNEL), event["args"]["op_name"]] += event["dur"]
    return tuple(Layer(name, operator, us / calls / 1e3) for (name, operator), us in spent.items())
