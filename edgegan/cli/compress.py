"""``edgegan compress``, and its stages one by one: ``prune``, ``quantize``, ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edgegan.cli.console import ConsoleProgress, print_json, table
from edgegan.core.errors import GateError, MissingPackageError
from edgegan.core.spec import parse_input, parse_range
from edgegan.core.target import load_target

MODEL = Annotated[
    str, typer.Argument(help="A zoo name, package.module:factory, path/file.py:factory, a .pt2 or a .onnx file.")
]
TARGET = Annotated[
    str, typer.Option("--target", help="A name from `edgegan targets`, or a TOML file of the same form.")
]
WEIGHTS = Annotated[
    Path | None, typer.Option("--weights", help="State dict: .safetensors, or a torch file (read as data only).")
]
WEIGHTS_KEY = Annotated[
    str | None, typer.Option("--weights-key", help="Which nested dict of the file, such as netG_state_dict.")
]
INPUT = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        help="latent:100x1x1[@TRUNCATION], image:3x256x256[@LO,HI], label:10 or onehot:10; repeat in the order of "
        "forward's "
        "arguments.",
    ),
]
OUTPUT_RANGE = Annotated[str | None, typer.Option("--output-range", help="LO,HI that the output spans; default -1,1.")]
DATA = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder of images, .npz, .npy or IDX: inputs of an image-to-image generator, real images for the figures.",
    ),
]
PRUNE = Annotated[float, typer.Option("--prune", help="Share of channels to remove, 0 to 0.95.")]
MACS_RATIO = Annotated[
    float | None, typer.Option("--macs-ratio", help="Prune until multiply-accumulates are this many times fewer.")
]
DISTILL = Annotated[int | None, typer.Option("--distill-steps", help="Training steps after pruning; default 2000.")]
PRECISION = Annotated[str, typer.Option("--precision", help="auto, fp32, fp16 or int8.")]
FORMULATION = Annotated[
    str,
    typer.Option(
        "--formulation",
        help="Form of upsampling layers: auto measures each layer's forms here, native and phase override.",
    ),
]
MIN_PSNR = Annotated[float, typer.Option("--min-psnr", help="Gate: least PSNR in dB against the float network.")]
MAX_FD = Annotated[float | None, typer.Option("--max-fd-ratio", help="Gate: most fd_lite0 over the original's.")]
OUT = Annotated[Path, typer.Option("--out", help="Output folder; one of the same inputs is resumed.")]
FORCE = Annotated[bool, typer.Option("--force", help="Replace an output folder of other inputs.")]
SEED = Annotated[int, typer.Option("--seed", help="Seed of every random choice.")]
BATCH = Annotated[int, typer.Option("--batch", help="Samples that the artifact computes at once.")]
THREADS = Annotated[int | None, typer.Option("--threads", help="CPU threads; default all that this process may use.")]
CALIBRATION = Annotated[int, typer.Option("--calibration-samples", help="Samples that int8 ranges are taken from.")]
OBSERVER = Annotated[
    str,
    typer.Option(
        "--observer",
        help="How int8 ranges are taken: minmax, percentile, entropy or mse; auto takes for each tensor the one of "
        "least error.",
    ),
]
EQUALIZE = Annotated[
    bool,
    typer.Option("--equalize/--no-equalize", help="Scale channels across layers before int8, where the picture gains."),
]
BIAS = Annotated[
    bool,
    typer.Option(
        "--bias-correction/--no-bias-correction",
        help="Put what rounding shifts on average back into the biases, where the picture gains.",
    ),
]
ADAROUND = Annotated[
    bool,
    typer.Option(
        "--adaround/--no-adaround",
        help="Round each weight up or down as suits its layer's output, where the picture gains; takes longer.",
    ),
]
BITS = Annotated[
    int,
    typer.Option(
        "--weight-bits",
        help="4: candidates with weights of 4 bits beside those of 8, on backends that run them; --qat then trains for "
        "4.",
    ),
]
FD_SAMPLES = Annotated[
    int, typer.Option("--fd-samples", help="Pictures on each side of fd_lite0 and kid_lite0; 0 leaves them out.")
]
KEEP = Annotated[bool, typer.Option("--keep-candidates", help="Keep every candidate in OUT/candidates.")]
UINT8 = Annotated[
    bool,
    typer.Option(
        "--uint8-output",
        help="End the artifact in uint8 pixels (N, H, W, C), so that the device computes nothing after it.",
    ),
]
QAT = Annotated[
    bool,
    typer.Option("--qat", help="Fine-tune under simulated rounding before quantizing, instead of calibration alone."),
]
QAT_STEPS = Annotated[int, typer.Option("--qat-steps", help="Training steps of --qat.")]
DEVICE = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="ssh://USER@HOST[:PORT]",
        help="Build and measure on that device; EdgeGAN's base install and the backend are needed there, for python3 "
        "or the interpreter named by EDGEGAN_DEVICE_PYTHON.",
    ),
]
JSON = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]

OPTIONS = (
    "weights",
    "weights_key",
    "data",
    "prune",
    "macs_ratio",
    "distill_steps",
    "out",
    "force",
    "seed",
    "batch",
    "threads",
    "precision",
    "formulation",
    "min_psnr",
    "max_fd_ratio",
    "calibration_samples",
    "observer",
    "equalize",
    "bias_correction",
    "adaround",
    "weight_bits",
    "fd_samples",
    "keep_candidates",
    "uint8_output",
    "qat",
    "qat_steps",
    "device",
)


def compress(
    model: MODEL = "fashion-dcgan",
    target: TARGET = ...,  # type: ignore[assignment]
    weights: WEIGHTS = None,
    weights_key: WEIGHTS_KEY = None,
    input: INPUT = None,
    output_range: OUTPUT_RANGE = None,
    data: DATA = None,
    prune: PRUNE = 0.0,
    macs_ratio: MACS_RATIO = None,
    distill_steps: DISTILL = None,
    precision: PRECISION = "auto",
    qat: QAT = False,
    qat_steps: QAT_STEPS = 400,
    formulation: FORMULATION = "auto",
    min_psnr: MIN_PSNR = 30.0,
    max_fd_ratio: MAX_FD = None,
    out: OUT = Path("out"),
    force: FORCE = False,
    seed: SEED = 0,
    batch: BATCH = 1,
    threads: THREADS = None,
    calibration_samples: CALIBRATION = 128,
    observer: OBSERVER = "auto",
    equalize: EQUALIZE = False,
    bias_correction: BIAS = False,
    adaround: ADAROUND = False,
    weight_bits: BITS = 8,
    fd_samples: FD_SAMPLES = 512,
    keep_candidates: KEEP = False,
    uint8_output: UINT8 = False,
    device: DEVICE = None,
    as_json: JSON = False,
) -> None:
    """The whole pipeline: prune, quantize, export, measure, choose; writes an output folder.

    Example: edgegan compress fashion-dcgan --target jetson-orin --prune 0.5 --out out
    """
    given = locals()
    try:
        report = _run("measure", given)
    except GateError:
        if not as_json:
            _print_report(_read_report(out), out)
        raise
    if as_json:
        print_json(report.content)
    else:
        _print_report(report.content, out)


def prune(
    model: MODEL = "fashion-dcgan",
    target: TARGET = ...,  # type: ignore[assignment]
    weights: WEIGHTS = None,
    weights_key: WEIGHTS_KEY = None,
    input: INPUT = None,
    output_range: OUTPUT_RANGE = None,
    data: DATA = None,
    prune: PRUNE = 0.5,
    macs_ratio: MACS_RATIO = None,
    distill_steps: DISTILL = None,
    out: OUT = Path("out"),
    force: FORCE = False,
    seed: SEED = 0,
    batch: BATCH = 1,
    threads: THREADS = None,
    as_json: JSON = False,
) -> None:
    """Remove channels and distil from the original; writes OUT/stages/pruned.pt2, which compress goes on from.

    Example: edgegan prune fashion-dcgan --target x86-cpu --prune 0.5 --out out
    """
    if macs_ratio is not None:
        prune = 0.0
    _stage("prune", locals(), as_json)


def quantize(
    model: MODEL = "fashion-dcgan",
    target: TARGET = ...,  # type: ignore[assignment]
    weights: WEIGHTS = None,
    weights_key: WEIGHTS_KEY = None,
    input: INPUT = None,
    output_range: OUTPUT_RANGE = None,
    data: DATA = None,
    prune: PRUNE = 0.0,
    macs_ratio: MACS_RATIO = None,
    distill_steps: DISTILL = None,
    qat: QAT = False,
    qat_steps: QAT_STEPS = 400,
    out: OUT = Path("out"),
    force: FORCE = False,
    seed: SEED = 0,
    batch: BATCH = 1,
    threads: THREADS = None,
    calibration_samples: CALIBRATION = 128,
    observer: OBSERVER = "auto",
    equalize: EQUALIZE = False,
    bias_correction: BIAS = False,
    adaround: ADAROUND = False,
    weight_bits: BITS = 8,
    sensitivity: Annotated[
        bool,
        typer.Option(
            "--sensitivity",
            help="Instead of building all: what each layer loses alone in int8, and what that saves; "
            "OUT/sensitivity.json and "
            ".png.",
        ),
    ] = False,
    as_json: JSON = False,
) -> None:
    """Calibrate and build the int8 candidates of a target; writes OUT/stages/candidates, which compress goes on from.

    Example: edgegan quantize fashion-dcgan --target mobile --calibration-samples 256 --out out
    """
    given = locals() | {"precision": "int8" if "int8" in load_target(target).precisions else "auto"}
    if sensitivity:
        _sensitivity(given)
    else:
        _stage("quantize", given, as_json)


def export(
    model: MODEL = "fashion-dcgan",
    target: TARGET = ...,  # type: ignore[assignment]
    weights: WEIGHTS = None,
    weights_key: WEIGHTS_KEY = None,
    input: INPUT = None,
    output_range: OUTPUT_RANGE = None,
    data: DATA = None,
    prune: PRUNE = 0.0,
    macs_ratio: MACS_RATIO = None,
    distill_steps: DISTILL = None,
    precision: PRECISION = "auto",
    formulation: FORMULATION = "auto",
    out: OUT = Path("out"),
    force: FORCE = False,
    seed: SEED = 0,
    batch: BATCH = 1,
    threads: THREADS = None,
    calibration_samples: CALIBRATION = 128,
    as_json: JSON = False,
) -> None:
    """Build every candidate of a target without measuring; writes OUT/stages/candidates, which compress goes on from.

    Example: edgegan export fashion-dcgan --target rtx-40 --precision fp16 --out out
    """
    _stage("export", locals(), as_json)


def _run(until: str, given: dict[str, Any]) -> Any:
    target = load_target(given["target"])
    inputs = given["input"] or []
    for index, text in enumerate(inputs):
        parse_input(text, f"input{index}")
    low_high = parse_range(given["output_range"], "--output-range") if given["output_range"] else None
    options = {name: given[name] for name in OPTIONS if name in given}
    with ConsoleProgress(quiet=given["as_json"]) as progress:
        try:
            from edgegan.compress import compress as run

            return run(
                given["model"], target, inputs=inputs, output_range=low_high, progress=progress, until=until, **options
            )
        except ModuleNotFoundError as exc:
            raise MissingPackageError(str(exc.name), "compress", "Compressing a model") from exc


def _stage(until: str, given: dict[str, Any], as_json: bool) -> None:
    report = _run(until, given)
    if as_json:
        print_json(report.content)
        return
    rows = [[s["name"], f"{s['seconds']:.1f}", "; ".join(s["notes"])] for s in report.content["stages"]]
    table("stages", ["stage", "seconds", "notes"], rows)
    typer.echo(
        f"stage files are in {given['out'] / 'stages'}; edgegan compress with the same options goes on from them"
    )


def _sensitivity(given: dict[str, Any]) -> None:
    found = _run("sensitivity", given).content["sensitivity"]
    if given["as_json"]:
        print_json(found)
        return
    rows = [
        [
            row["layer"],
            row["operator"],
            "x".join(map(str, row["shape"])),
            f"{row['macs'] / 1e6:.2f}",
            f"{row['psnr_db']:.1f}",
            _number(row["fd_lite0"]),
            "-" if row["saves_ms"] is None else f"{row['saves_ms']:+.3f}",
        ]
        for row in found["layers"]
    ]
    table(
        f"{found['model']} for {found['target']}: each layer alone in int8 ({found['candidate']})",
        ["layer", "operator", "output", "MACs M", "PSNR dB", "fd_lite0", "saves ms"],
        rows,
        left=3,
    )
    typer.echo(f"chart: {given['out'] / 'sensitivity.png'}   figures: {given['out'] / 'sensitivity.json'}")


def _read_report(out: Path) -> dict[str, Any]:
    import json

    report: dict[str, Any] = json.loads((out / "report.json").read_text())
    return report


def _print_report(report: dict[str, Any], out: Path) -> None:
    """The candidates as a table, then the choice in one line."""
    result, base = report["result"], report["baseline"]
    rows = [_cells("plain conversion", base, "baseline")]
    for row in report["candidates"]:
        chosen = result is not None and row["name"] == result["name"]
        rows.append(_cells(row["name"], row, "CHOSEN" if chosen else "passes" if row["passed"] else row["reason"]))
    table(
        f"{report['model']} for {report['target']}",
        ["candidate", "p50 ms", "PSNR dB", "fd_lite0", "KiB", "MACs M", "verdict"],
        rows,
    )
    for warning in report["warnings"]:
        typer.echo(f"note: {warning}")
    if result is not None:
        speed = (
            f", {result['speedup']:.1f}x faster than the plain conversion"
            if result["speedup"]
            else ", latency not measured: " + result.get("latency_ms_reason", "")
        )
        typer.echo(
            f"{out / result['artifact']}: {result['backend']} {result['precision']}, "
            f"{result['quality']['psnr_db']:.1f} dB{speed}"
        )
        typer.echo(f"report: {out / 'report.html'}   pictures: {out / 'samples.png'}")
        if result["artifact"].endswith(".edgegan"):
            typer.echo("next, on the device: edgegan build g.edgegan --out engine")


def _cells(name: str, row: dict[str, Any], verdict: str) -> list[str]:
    quality, latency = row["quality"], row["latency_ms"]
    return [
        name,
        f"{latency['p50']:.3f}" if latency else "-",
        _number(quality["psnr_db"]),
        _number(quality["fd_lite0"]),
        f"{row['bytes'] / 1024:.0f}" if row["bytes"] else "-",
        f"{row['macs'] / 1e6:.2f}",
        verdict,
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
