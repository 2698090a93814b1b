"""Layers as OpenVINO's CPU plugin times them, after its own fusing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgegan.bench.profile.contract import WARMUP, Layer, Profile, repeated
from edgegan.core.manifest import Manifest
from edgegan.runtime.openvino import compiled


def profile(manifest: Manifest, inputs: Mapping[str, np.ndarray], threads: int, seconds: float) -> Profile:
    model = compiled(manifest, threads, {"PERF_COUNT": True})
    request = model.create_infer_request()
    given = {port: inputs[name] for port in model.inputs for name in port.names if name in inputs}
    for _ in range(WARMUP):
        request.infer(given, share_inputs=True)
    before = _means(request)
    whole, calls = repeated(lambda: request.infer(given, share_inputs=True), seconds)
    after = _means(request)
    layers = tuple(
        Layer(name, operator, max(0.0, mean + (mean - before.get((name, operator), mean)) * WARMUP / calls))
        for (name, operator), mean in after.items()
    )
    return Profile(source="OpenVINO's performance counters", layers=layers, whole_ms=whole, calls=calls)


def _means(request: Any) -> dict[tuple[str, str], float]:
    """Milliseconds of each step that is executed, as the plugin gives them: the mean over all calls so far."""
    return {
        (step.node_name, f"{step.node_type} {step.exec_type}"): step.real_time.total_seconds() * 1e3
        for step in request.get_profiling_info()
        if step.status == step.Status.EXECUTED
    }
