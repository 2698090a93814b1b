"""``edgegan bench --json``."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

from edgegan.core.schemas.measured import Environment, Latency, Power


class Memory(TypedDict):
    """Memory of one artifact."""

    artifact_mib: float
    peak_rss_mib: float
    """Of a process of its own that loads and runs it."""
    arena_mib: float | None
    """What the first calls add to what loading took: activations and scratch."""
    arena_mib_reason: NotRequired[str]
    device_mib: float | None
    """Of the GPU's memory, by its driver; null on the CPU."""
    device_mib_reason: NotRequired[str]


class Split(TypedDict):
    """Where a call's time goes: medians in milliseconds, timed in turns."""

    call_ms: float
    """Host memory to host memory."""
    compute_ms: float
    """Inputs in place, the output left where it is made."""
    copies_ms: float
    """The difference: copies, and what Python adds."""
    device_ms: Latency | None
    """By the GPU's own events."""
    device_ms_reason: NotRequired[str]


class ProfiledLayer(TypedDict):
    """One step of the vendor's own plan, which may hold several operators of the graph."""

    name: str
    operator: str
    """Empty where the profiler tells none."""
    ms: float
    """Mean of a call."""
    share: float
    """Of the sum over layers."""


class Profile(TypedDict):
    """Time per layer by the vendor's own profiler, in a run of its own, in the order of execution."""

    source: str
    calls: int
    whole_ms: float
    """Mean of the profiled calls, with all that is no layer."""
    sum_ms: float
    layers: list[ProfiledLayer]


class SingleStream(TypedDict):
    """MLPerf's single stream: one query after the other."""

    queries: int
    samples_per_query: int
    seconds: float
    p90_ms: float
    p90_bound_ms: float | None
    """What the 90th percentile is below at 99 %, by order statistics."""
    p90_bound_ms_reason: NotRequired[str]


class Offline(TypedDict):
    """MLPerf's offline scenario: all samples at once, drawn by so many sessions side by side."""

    sessions: int
    threads_per_session: int
    samples_per_query: int
    samples: int
    seconds: float
    throughput_ips: float


class Scenarios(TypedDict):
    """MLPerf Inference's, by --scenarios."""

    single_stream: SingleStream
    offline: list[Offline]


class BenchQuality(TypedDict, total=False):
    """Against another artifact's pictures, and against real ones; what was not asked for is left out."""

    psnr_db: float
    ssim: float | None
    ssim_reason: str
    lpips: float | None
    lpips_reason: str
    fd_lite0: float
    kid_lite0: float
    pictures: list[int]


class Harness(TypedDict):
    """What timing itself costs."""

    clock: str
    clock_resolution_us: float
    overhead_us: float
    """Of a call that does nothing, timed like the artifact's."""


class SweepRow(TypedDict):
    """The artifact with so many threads and samples a call, timed in turns with the others."""

    threads: int
    batch: int
    latency_ms: Latency
    throughput_ips: float


class InBrowser(TypedDict):
    """The same artifact in a headless Chromium on this machine."""

    browser: str
    latency_ms: Latency | None
    latency_ms_reason: NotRequired[str]
    load_ms: float | None
    """Fetching, compiling and loading; from a server on this machine."""
    psnr_db: float | None
    """Of its pictures there to those that it draws here; null where it did not run."""


class Bench(TypedDict):
    """``edgegan bench --json``: what one artifact costs on this machine."""

    schema: Literal[1]
    artifact: str
    model: str
    backend: str
    precision: str
    target: str
    batch: int
    copies: NotRequired[bool]
    """Whether the latency holds the copies of inputs and outputs."""
    latency_ms: Latency
    throughput_ips: float
    """Images per second, from the mean."""
    first_inference_ms: float
    load_ms: float
    split: NotRequired[Split]
    memory: Memory
    power: Power | None
    power_reason: NotRequired[str]
    quality: BenchQuality | None
    quality_reason: NotRequired[str]
    warnings: list[str]
    environment: Environment
    harness: Harness
    in_browser: NotRequired[InBrowser]
    """By --in-browser."""
    sweep: NotRequired[list[SweepRow]]
    """By --sweep-threads and --sweep-batch."""
    profile: NotRequired[Profile | None]
    """By --profile."""
    profile_reason: NotRequired[str]
    scenarios: NotRequired[Scenarios]
    """By --scenarios."""
    ratio: NotRequired[float]
    """Of a further artifact: time of the first over its own, timed in turns; above 1 it is faster."""
    ratio_interval: NotRequired[list[float]]
    """At 98 %, by the bootstrap over rounds."""
    rounds: NotRequired[int]
    compared: NotRequired[list[dict[str, Any]]]
    """The same of further artifacts."""
