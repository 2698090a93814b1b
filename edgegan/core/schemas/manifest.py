"""The manifest beside an artifact."""

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
