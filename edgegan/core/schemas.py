"""The JSON files that EdgeGAN writes, as types: the manifest beside an artifact, report.json, the figures of ``bench``.

Types alone: nothing imports this file when it runs. ``docs/schemas.md`` and the JSON Schema files in ``docs/schemas/``
are generated from it, and the tests validate real outputs against them. A figure that was not measured is null, and
``<field>_reason`` beside it says why.
"""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import NotRequired, TypedDict

Precision = Literal["fp32", "fp16", "bf16", "int8"]
Kind = Literal["latent", "image", "label", "onehot"]


class FileEntry(TypedDict):
    """A file of an artifact."""

    name: str
    """Beside the manifest; never a path."""
    sha256: str
    bytes: int


class Output(TypedDict):
    """A tensor that an artifact gives."""

    name: str
    kind: Kind
    shape: list[int | None]
    """The batch first, as null."""
    dtype: str
    """float32, int64, or uint8 for an artifact that ends in pixels."""
    layout: str
    """NCHW, NHWC, or N and a C for each further axis."""
    range: list[float] | None
    """Lowest and highest value; null for latents and classes."""
    distribution: str
    """What values are like: standard normal, class index, one-hot vector, image."""


class Input(Output):
    """A tensor that an artifact takes."""

    classes: int | None
    """How many, for a label or a one-hot vector."""
    truncation: float | None
    """Latents are drawn again while they are larger than this."""


class BatchRange(TypedDict):
    """Batch sizes that an artifact runs."""

    min: int
    max: int
    usual: NotRequired[int]
    """For which an engine of free batch is made fastest, and timed."""


class Tiling(TypedDict):
    """How a picture of any size is cut into what the artifact takes."""

    stride: int
    """Tiles begin at multiples of so many input pixels."""
    scale: list[int]
    """Output pixels for an input pixel, as numerator and denominator."""
    margin: int
    """Input pixels along a tile's inner borders that are not to be used."""
    receptive_field: int | None
    """Input pixels, from side to side, over which a change of one spreads; null where that reaches a border."""


class Manifest(TypedDict):
    """The sidecar ``<artifact>.json``: what the artifact is, and the hashes that protect it."""

    schema: Literal[1]
    artifact: str
    """Name of the file that is loaded."""
    files: list[FileEntry]
    """The artifact first, then what belongs to it."""
    backend: str
    backend_version: str
    """Of the vendor's library that it was made for."""
    target: str
    precision: str
    precision_exceptions: dict[str, str]
    """What is in another precision: a layer's name, or a description, and the precision."""
    inputs: list[Input]
    """In the order of the generator's arguments."""
    outputs: list[Output]
    """The image first."""
    batch: BatchRange
    model: str
    weights_sha256: str
    """Over the captured network's operators and weights."""
    edgegan_version: str
    created: str
    """ISO 8601, UTC."""
    build: dict[str, Any]
    """How it was built: compute capability, flags, versions, whether on this device, what its session is told."""
    tiling: NotRequired[Tiling | None]
    """Of a generator that takes a picture: null where what is drawn depends on the whole of it."""
    tiling_reason: NotRequired[str]
    """Why it may not be cut."""


class Latency(TypedDict):
    """Milliseconds of one call, host memory to host memory, for the artifact's own batch."""

    p50: float
    p90: float | None
    p95: float | None
    p99: float | None
    p99_9: NotRequired[float | None]
    """Says little below a thousand calls."""
    mean: float
    std: float
    cv: float
    """std / mean; above 0.025 a figure is called unstable."""
    count: int
    """Timed calls."""
    p50_interval: NotRequired[list[float]]
    """At 95 %, by how the median differs between parts of the run."""
    percentiles_reason: NotRequired[str]
    """Why some are null."""


class Clock(TypedDict):
    """Of a processor, at one moment."""

    mhz: float
    max_mhz: float
    governor: NotRequired[str]
    """What decides on it; performance and userspace hold it."""
    throttled: NotRequired[str]
    """Why it is held down."""


class Clocks(TypedDict):
    """What decides how fast a machine is, at one moment; what cannot be read is left out."""

    cpu: dict[str, Clock]
    gpu: dict[str, Clock]
    celsius: dict[str, float]
    """By the name of the thermal zone."""
    power_mode: NotRequired[str]
    """A Jetson's, by nvpmodel."""
    load: NotRequired[float]
    """Processes that wanted to run, mean of the last minute."""


class ClocksAround(TypedDict):
    """Of a measurement."""

    before: Clocks
    after: Clocks


class Environment(TypedDict):
    """What figures were measured on."""

    os: str
    cpu: str
    cores: int | None
    threads: int
    python: str
    versions: dict[str, str]
    gpu: str | None
    commit: NotRequired[str | None]
    """Of the repository in which the command ran; null where it ran in none."""
    clocks: NotRequired[ClocksAround]


class Quality(TypedDict):
    """What an artifact does to the pictures."""

    psnr_db: float | None
    """To the float network that it was made from (after pruning, if any), over all values of all pictures at once."""
    psnr_db_reason: NotRequired[str | None]
    psnr_interval_db: NotRequired[list[float] | None]
    """Between what it lies over as many other pictures of the kind, at 95 %, by the bootstrap over those compared."""
    psnr_interval_db_reason: NotRequired[str]
    psnr_mean_db: NotRequired[float]
    """Mean of the pictures' own, as the literature has it; single bad pictures hardly show in it."""
    psnr_worst_db: NotRequired[float]
    """Mean of the worst twentieth of the pictures' own."""
    snr_db: NotRequired[float | None]
    """To the variance of the float network's values: 0 is what one flat picture reaches."""
    snr_db_reason: NotRequired[str]
    compared_pictures: NotRequired[int]
    log_spectral_distance_db: NotRequired[float]
    """Of sounds: root mean square over frequencies of the difference between log spectra, mean over windows."""
    psnr_original_db: float | None
    """To the network before pruning."""
    psnr_original_db_reason: NotRequired[str | None]
    ssim: float | None
    ssim_reason: NotRequired[str | None]
    lpips: NotRequired[float | None]
    """How different the pictures look to people (version 0.1, AlexNet): 0 is the same."""
    lpips_reason: NotRequired[str | None]
    measured_on: NotRequired[str]
    """What made the pictures, where that is not the target itself."""
    fd_lite0: float | None
    """Fréchet distance over EfficientNet-Lite0 features; no FID."""
    fd_lite0_reason: NotRequired[str | None]
    kid_lite0: float | None
    kid_lite0_reason: NotRequired[str | None]
    pictures: NotRequired[list[int]]
    """How many on either side the distances rest on; compare only figures of equal counts."""


class Power(TypedDict):
    """Energy of an artifact's calls. An inference is one image."""

    source: str
    """ina3221, nvml, rapl or command."""
    scope: str
    """What the figures cover: a rail, the module, the package, the board."""
    rails: dict[str, float]
    """Mean watts by rail, those outside the scope too."""
    seconds: float
    """How long calls were repeated."""
    gross_w: float
    idle_w: float
    """At rest, just before, for as long."""
    net_w: float
    """Gross less idle."""
    peak_w: float
    energy_mj_per_inference: float
    energy_mj_per_inference_std: float
    """Between parts of the run."""
    net_energy_mj_per_inference: float
    images_per_joule: float
    """Of gross energy."""


class Baseline(TypedDict):
    """The uncompressed model in the target's own runtime, converted the plain way."""

    name: str
    artifact: str | None
    """Where the file lies, from the output folder or among the stages."""
    backend: str
    precision_exceptions: dict[str, str]
    macs: int
    """Multiply-accumulates of one sample."""
    params: int
    bytes_moved: int
    """What its operators read and write, each by itself."""
    bytes: int | None
    notes: list[str]
    latency_ms: Latency | None
    latency_ms_reason: NotRequired[str]
    power: NotRequired[Power | None]
    """Of the fastest candidates, where --prefer energy asks for it."""
    power_reason: NotRequired[str]
    quality: Quality


class Candidate(Baseline):
    """One artifact that was built, or could not be."""

    formulation: str
    """Form of the graph: native, phase, auto, with -nhwc where channels come last."""
    precision: Precision
    passed: bool
    reason: str
    """By how much it passes its gates, or why not."""


class Result(Candidate):
    """The chosen candidate."""

    speedup: float | None
    """Over the baseline."""


class Stage(TypedDict):
    """One step of the run."""

    name: str
    seconds: float
    notes: list[str]


class LayerRow(TypedDict):
    """What became of a convolution or linear layer."""

    name: str
    operator: str
    channels: int
    """Of its output, in the original."""
    kept: int
    precision: str


class Report(TypedDict):
    """``report.json``: everything that a run found."""

    schema: Literal[1]
    model: str
    target: str
    seed: int
    environment: Environment
    warnings: list[str]
    baseline: Baseline
    stages: list[Stage]
    candidates: list[Candidate]
    result: Result | None
    """Null where no candidate passed its gates."""
    command: NotRequired[str]
    """That gives the same run."""
    layers: NotRequired[list[LayerRow]]
    """In the order in which they run; left out where the chosen network has others than the original."""


class Trial(TypedDict):
    """A trial of a search."""

    number: int
    params: dict[str, Any]
    """prune, allocation, criterion, precision."""
    state: str
    """complete, pruned (given up after a short training) or failed."""
    state_reason: NotRequired[str]
    latency_ms: float | None
    """The median."""
    latency_ms_reason: NotRequired[str]
    energy_mj: float | None
    energy_mj_reason: NotRequired[str]
    macs: int | None
    bytes: int | None
    psnr_db: float | None
    """To the original, not pruned."""
    psnr_db_reason: NotRequired[str]
    fd_lite0: float | None
    fd_lite0_reason: NotRequired[str]
    artifact: str | None
    """Its file, below the folder of search.json."""


class Search(TypedDict):
    """``search.json``: every trial, and those that no other beats."""

    schema: Literal[1]
    model: str
    target: str
    seed: int
    environment: Environment
    cost: str
    """What is to be small: latency_ms, energy_mj, or macs where nothing times the target."""
    quality: str
    """fd_lite0, of which less is better, or psnr_db, of which more is."""
    trials: list[Trial]
    front: list[int]
    """Numbers of trials, the cheapest first."""


class Memory(TypedDict):
    """Memory of one artifact."""

    artifact_mib: float
    peak_rss_mib: float
    """Of a process of its own that loads and runs it."""
    device_mib: float | None
    device_mib_reason: NotRequired[str]


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
    """The artifact with so many threads, timed in turns with the others."""

    threads: int
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
    latency_ms: Latency
    throughput_ips: float
    """Images per second, from the mean."""
    first_inference_ms: float
    load_ms: float
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
    """By --sweep-threads."""
    ratio: NotRequired[float]
    """Of a further artifact: time of the first over its own, timed in turns; above 1 it is faster."""
    ratio_interval: NotRequired[list[float]]
    """At 98 %, by the bootstrap over rounds."""
    rounds: NotRequired[int]
    compared: NotRequired[list[dict[str, Any]]]
    """The same of further artifacts."""


FILES = {"manifest": Manifest, "report": Report, "bench": Bench, "search": Search}
"""The schemas by the name of their file in ``docs/schemas/``."""
