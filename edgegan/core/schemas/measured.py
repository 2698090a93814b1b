"""What is measured of an artifact, and on what."""

from __future__ import annotations

from typing_extensions import NotRequired, TypedDict


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
