"""Layers as LiteRT's own profiler times them, those within XNNPACK too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from edgegan.bench.profile.contract import WARMUP, Layer, Profile, repeated
from edgegan.bench.profile.litert_c import ProfiledModel, invoke_us, operators
from edgegan.core.manifest import Manifest
from edgegan.runtime.litert import argument_of


def profile(manifest: Manifest, inputs: Mapping[str, np.ndarray], threads: int, seconds: float) -> Profile:
    model = ProfiledModel(manifest.artifact, threads)
    given = [inputs[i.name].astype(i.dtype) for i in manifest.spec.inputs]
    for position, name in enumerate(model.inputs):
        model.put(name, given[argument_of(name, position)])
    for _ in range(WARMUP):
        model.run()
    spent: dict[tuple[int, str], int] = defaultdict(int)
    invoked = 0

    def call() -> None:
        nonlocal invoked
        events = model.events()
        invoked += invoke_us(events)
        for place, (tag, microseconds) in enumerate(operators(events)):
            spent[place, tag] += microseconds

    _, calls = repeated(call, seconds)
    layers = tuple(Layer(f"{place}", tag, us / calls / 1e3) for (place, tag), us in spent.items())
    return Profile(source="LiteRT's profiler", layers=layers, whole_ms=invoked / calls / 1e3, calls=calls)
