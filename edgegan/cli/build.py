"""``edgegan build``: on the device, the engine from a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgegan.cli.console import ConsoleProgress, print_json
from edgegan.cli.loading import KEY, check_signature
from edgegan.cli.reports import print_report, read_report
from edgegan.core.errors import GateError
from edgegan.core.signing import private_key
from edgegan.core.signing import sign as sign_artifact


def build(
    bundle: Annotated[Path, typer.Argument(help="g.edgegan that compress left.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for g.plan, its manifest and the report.")] = Path(
        "engine"
    ),
    workspace: Annotated[
        int | None,
        typer.Option("--workspace", min=1, help="Most MiB that layers may take while they compute; default all."),
    ] = None,
    dla: Annotated[
        int | None,
        typer.Option("--dla", min=0, help="Deep learning accelerator to use, the GPU for the rest: 0 or 1 on Orin."),
    ] = None,
    hardware_compatible: Annotated[
        bool, typer.Option("--hardware-compatible", help="For any GPU from Ampere on, not this one alone; slower.")
    ] = False,
    version_compatible: Annotated[
        bool, typer.Option("--version-compatible", help="For later TensorRT of this major version too.")
    ] = False,
    seconds: Annotated[float, typer.Option("--seconds", min=0.01, help="Timed seconds of each engine.")] = 3.0,
    pairs_budget: Annotated[
        str | None,
        typer.Option(
            "--pairs-budget",
            metavar="TIME",
            help="Most time for finding pairs of quantize and dequantize that cost more than they save: 90s, 5m; 0 "
            "keeps all. As long as building the variants took, unless given.",
        ),
    ] = None,
    key: KEY = None,
    sign: Annotated[
        Path | None, typer.Option("--sign", metavar="KEY", help="Sign the engine with this Ed25519 key (PEM).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """On the device: build every variant of a bundle, time them, keep the fastest whose pictures hold the gate.

    Example: edgegan build g.edgegan --out engine
    """
    from edgegan.core.deadline import parse_duration
    from edgegan.engine.build import build as run
    from edgegan.export.tensorrt.device import EngineOptions

    if sign is not None:
        private_key(sign)
    check_signature(bundle, key)
    pairs_seconds = 0.0 if pairs_budget == "0" else None
    if pairs_budget not in (None, "0"):
        pairs_seconds = parse_duration(pairs_budget, "--pairs-budget")
    options = EngineOptions(
        workspace_mib=workspace,
        dla_core=dla,
        hardware_compatible=hardware_compatible,
        version_compatible=version_compatible,
    )
    with ConsoleProgress(quiet=as_json) as progress:
        try:
            report = run(bundle, out, options, progress, seconds, pairs_seconds)
        except GateError:
            if not as_json:
                print_report(read_report(out), out)
            raise
    if sign is not None and report["result"] is not None:
        sign_artifact(out / str(report["result"]["artifact"]), sign)
    if as_json:
        print_json(report)
    else:
        print_report(report, out)
