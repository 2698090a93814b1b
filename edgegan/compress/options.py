"""What a run of ``compress`` is told, each option declared once, checked before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgegan import __version__
from edgegan.compress.checks import check
from edgegan.compress.given import batch_of, constants_of, device_of, inputs_of, range_of, seconds_of, target_of
from edgegan.compress.settings import declared, option
from edgegan.core.target import Target
from edgegan.prune.how import REDUNDANCY, How
from edgegan.remote.adb import Phone
from edgegan.remote.ssh import Device

DEFAULT_DISTILL_STEPS = 2000
DEFAULT_QAT_STEPS = 400


@dataclass(frozen=True, kw_only=True)
class Options:
    """All options of ``edgegan compress`` as Python values; ``edgegan.compress.compress`` takes them by these names."""

    model: str = option(
        "fashion-dcgan",
        help="A zoo name, package.module:factory, path/file.py:factory, a .pt2, .onnx, .keras or .h5 file.",
        invalidates="prune",
        flag="",
    )
    target: Target = option(
        help="A name from `edgegan targets`, or a TOML file of the same form.",
        invalidates="prune",
        text=str,
        convert=target_of,
    )
    weights: Path | None = option(
        None,
        help="State dict: .safetensors, or a torch file (read as data only).",
        invalidates="prune",
        identity="network",
        convert=Path,
    )
    weights_key: str | None = option(
        None, help="Which nested dict of the file, such as netG_state_dict.", invalidates="prune", identity="network"
    )
    inputs: tuple[str, ...] = option(
        (),
        help="latent:100x1x1[@TRUNCATION], image:3x256x256[@LO,HI], label:10 or onehot:10; repeat in the order of "
        "forward's arguments.",
        invalidates="prune",
        flag="--input",
        text=list[str] | None,
        convert=inputs_of,
    )
    constants: tuple[str, ...] = option(
        (),
        help="NAME=VALUE of an input of a .onnx file that is baked in: a number for all its values, or one for each "
        "with commas between; repeatable.",
        invalidates="prune",
        flag="--constant",
        text=list[str] | None,
        convert=constants_of,
    )
    output_range: tuple[float, float] | None = option(
        None, help="LO,HI that the output spans; default -1,1.", invalidates="prune", text=str | None, convert=range_of
    )
    data: Path | None = option(
        None,
        help="Folder of images, .npz, .npy or IDX: inputs of an image-to-image generator, real images for the figures.",
        invalidates="prune",
        identity="data",
        convert=Path,
    )
    prune: float = option(
        0.0, help="Share of channels to remove, 0 to 0.95.", invalidates="prune", defaults={"prune": 0.5}
    )
    macs_ratio: float | None = option(
        None, help="Prune until multiply-accumulates are this many times fewer.", invalidates="prune"
    )
    criterion: str = option(
        "magnitude",
        help="Which channels go: magnitude, gamma (BatchNorm's scale), sensitivity (of the picture) or random.",
        invalidates="prune",
        commands=("compress", "prune"),
    )
    allocation: float = option(
        REDUNDANCY,
        help="How pruning is shared out: a layer of n channels keeps a number proportional to n to this power; 1 takes "
        "the same share everywhere.",
        invalidates="prune",
        commands=("compress", "prune"),
    )
    keep_layers: tuple[str, ...] = option(
        (),
        help="A layer, or a pattern such as up*, whose channels all stay; repeatable.",
        invalidates="prune",
        flag="--keep-layer",
        text=list[str] | None,
        convert=tuple,
        commands=("compress", "prune"),
    )
    drop_blocks: int = option(
        0,
        help="Residual blocks to leave out, those without which pictures change least, before channels go.",
        invalidates="prune",
        commands=("compress", "prune"),
    )
    max_latency_ms: float | None = option(
        None,
        help="Prune until the target's runtime here takes at most so many milliseconds; also a gate.",
        invalidates="prune",
        commands=("compress", "prune"),
    )
    max_bytes: int | None = option(
        None,
        help="Prune until the artifact has at most so many bytes; also a gate.",
        invalidates="prune",
        commands=("compress", "prune"),
    )
    distill_steps: int | None = option(
        None, help="Training steps after pruning; default 2000.", invalidates="prune", identity="steps"
    )
    losses: tuple[str, ...] = option(
        (),
        help="NAME=WEIGHT of a loss of distillation: pixels (0.3), features (2) and adversarial (0.3) of a critic, "
        "wavelet, layers, relations, lpips (0); repeatable.",
        invalidates="prune",
        flag="--loss",
        text=list[str] | None,
        convert=tuple,
        commands=("compress", "prune"),
    )
    train_device: str | None = option(
        None,
        help="cuda, mps or cpu: where distillation and --qat run; default the best that this machine has.",
        invalidates=None,
        commands=("compress", "prune", "quantize"),
    )
    precision: str = option("auto", help="auto, fp32, fp16 or int8.", invalidates=None, commands=("compress", "export"))
    qat: bool = option(
        False,
        help="Fine-tune under simulated rounding before quantizing, instead of calibration alone.",
        invalidates="rewrite",
        commands=("compress", "quantize"),
    )
    qat_steps: int = option(
        DEFAULT_QAT_STEPS,
        help="Training steps of --qat.",
        invalidates="rewrite",
        identity="rounded_steps",
        commands=("compress", "quantize"),
    )
    formulation: str = option(
        "auto",
        help="Form of upsampling layers: auto measures each layer's forms here, native and phase override.",
        invalidates="rewrite",
        commands=("compress", "export"),
    )
    min_psnr: float = option(
        30.0,
        help="Gate: least PSNR in dB against the float network.",
        invalidates=None,
        commands=("compress",),
    )
    min_snr: float | None = option(
        None,
        help="Gate: least SNR in dB, the error held against the variance of the float network's values.",
        invalidates=None,
        commands=("compress",),
    )
    max_lpips: float | None = option(
        None,
        help="Gate: most LPIPS to the float network's pictures, how different they look.",
        invalidates=None,
        commands=("compress",),
    )
    max_fd_ratio: float | None = option(
        None, help="Gate: most fd_lite0 over the original's.", invalidates=None, commands=("compress",)
    )
    prefer: str = option(
        "latency",
        help="latency or energy: what candidates that pass are ranked by.",
        invalidates=None,
        commands=("compress",),
    )
    time_budget: float | None = option(
        None,
        help="Time such as 90s, 5m or 1h after which no further candidate is begun: the best found by then is chosen, "
        "and what was left untried is told; default none.",
        invalidates=None,
        text=str | None,
        convert=seconds_of,
        commands=("compress",),
    )
    out: Path = option(
        Path("out"), help="Output folder; one of the same inputs is resumed.", invalidates=None, convert=Path
    )
    force: bool = option(False, help="Replace an output folder of other inputs.", invalidates=None)
    seed: int = option(0, help="Seed of every random choice.", invalidates="prune")
    batch: int = option(
        1,
        help="Samples that the artifact computes at once; LEAST,USUAL,MOST such as 1,4,16 for any number between.",
        invalidates="prune",
        text=str,
        convert=batch_of,
        defaults=dict.fromkeys(("compress", "prune", "quantize", "export"), "1"),
    )
    batches: tuple[int, ...] = option((), help="The three numbers of a free --batch.", invalidates="prune", commands=())
    threads: int = option(
        1,
        help="CPU threads; default all that this process may use.",
        invalidates="rewrite",
        text=int | None,
        defaults=dict.fromkeys(("compress", "prune", "quantize", "export")),
    )
    calibration_samples: int | None = option(
        None,
        help="Samples that int8 ranges are taken from; default 128, fewer where a picture has many pixels, at least "
        "32.",
        invalidates="rewrite",
        commands=("compress", "quantize", "export"),
    )
    observer: str = option(
        "auto",
        help="How int8 ranges are taken: minmax, percentile, entropy or mse; auto takes for each tensor the one of "
        "least error.",
        invalidates="rewrite",
        commands=("compress", "quantize"),
    )
    equalize: bool = option(
        False,
        help="Scale channels across layers before any int8, where the picture gains; tried anyway where int8 misses "
        "the gate.",
        invalidates="rewrite",
        flag="--equalize/--no-equalize",
        commands=("compress", "quantize"),
    )
    bias_correction: bool = option(
        False,
        help="Put what rounding shifts on average back into the biases, where the picture gains.",
        invalidates="quantize",
        flag="--bias-correction/--no-bias-correction",
        commands=("compress", "quantize"),
    )
    adaround: bool = option(
        False,
        help="Round each weight up or down as suits its layer's output, where the picture gains; takes longer.",
        invalidates="quantize",
        flag="--adaround/--no-adaround",
        commands=("compress", "quantize"),
    )
    weight_bits: int = option(
        8,
        help="4: candidates with weights of 4 bits beside those of 8, on backends that run them; --qat then trains "
        "for 4.",
        invalidates="rewrite",
        commands=("compress", "quantize"),
    )
    fd_samples: int | None = option(
        None,
        help="Pictures on each side of fd_lite0 and kid_lite0; default 512, fewer of a network that takes long, unless "
        "--max-fd-ratio asks for it; 0 leaves them out.",
        invalidates="measure",
        commands=("compress",),
    )
    keep_candidates: bool = option(
        False, help="Keep every candidate in OUT/candidates.", invalidates=None, commands=("compress",)
    )
    uint8_output: bool = option(
        False,
        help="End the artifact in uint8 pixels (N, H, W, C), so that the device computes nothing after it.",
        invalidates="export",
        commands=("compress",),
    )
    device: Device | None = option(
        None,
        help="Build and measure on that device: over ssh, with EdgeGAN's base install and the backend there, for "
        "python3 or what EDGEGAN_DEVICE_PYTHON names; or time on a phone, adb://SERIAL, by --benchmark-model.",
        invalidates="rewrite",
        metavar="ssh://USER@HOST[:PORT]",
        text=str | None,
        convert=device_of,
        commands=("compress",),
    )
    phone: Phone | None = option(None, help="The phone of --device.", invalidates="rewrite", commands=())
    benchmark_model: Path | None = option(
        None,
        help="The runtime's benchmark_model for the phone's processor, which --device adb:// runs there.",
        invalidates=None,
        convert=Path,
        commands=("compress",),
    )
    sign: Path | None = option(
        None,
        help="Sign the artifact with this Ed25519 key (PEM), for --key where it is loaded.",
        invalidates=None,
        metavar="KEY",
        convert=Path,
        commands=("compress",),
    )
    device_install: bool = option(
        False,
        help="Install EdgeGAN's base there first, into a virtual environment below ~/.local/share/edgegan.",
        invalidates=None,
        commands=("compress",),
    )

    def __post_init__(self) -> None:
        check(self)

    @property
    def times(self) -> bool:
        """Whether candidates are timed: on a device that was named, or here where this machine stands in for it."""
        return self.device is not None or self.phone is not None or self.target.runs_here

    @property
    def refinements(self) -> tuple[str, ...]:
        """Steps before int8 that were asked for, beside equalization, which acts before the graph takes its forms."""
        return tuple(name for name in ("adaround", "bias_correction") if getattr(self, name))

    @property
    def how_to_prune(self) -> How:
        return How(self.criterion, self.allocation, self.keep_layers, self.seed, self.drop_blocks)

    @property
    def prunes(self) -> bool:
        return self.prune > 0 or self.macs_ratio is not None or self.has_budget or self.drop_blocks > 0

    @property
    def has_budget(self) -> bool:
        """Whether a latency or a size says how much to prune."""
        return self.max_latency_ms is not None or self.max_bytes is not None

    @property
    def steps(self) -> int:
        """Distillation steps that will be taken."""
        return self.steps_where_pruned if self.prunes else 0

    @property
    def steps_where_pruned(self) -> int:
        """Distillation steps of a network that loses channels."""
        return DEFAULT_DISTILL_STEPS if self.distill_steps is None else self.distill_steps

    @property
    def rounded_steps(self) -> int:
        """Steps of training under rounding that will be taken."""
        return self.qat_steps if self.qat else 0

    def identity(self, weights_sha256: str, data_sha256: str | None) -> dict[str, Any]:
        """What the stage files depend on: every option that invalidates a stage, and the facts of the run."""
        facts = {"network": weights_sha256, "data": data_sha256}
        identity: dict[str, Any] = {"edgegan": __version__, **facts}
        for each in declared(Options):
            name = each.setting.identity or each.name
            if each.setting.invalidates is not None and name not in facts:
                identity[name] = _plain(getattr(self, name))
        return identity


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, Target):
        return value.to_json()
    if isinstance(value, tuple):
        return list(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
