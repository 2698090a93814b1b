"""``edgegan report``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from edgegan.cli.console import print_json, table
from edgegan.cli.reports import number
from edgegan.core.errors import ArtifactError, UsageError

REPORT, SAMPLES = "report.json", "samples.png"
KEYS = ("model", "target", "environment", "baseline", "candidates", "result", "stages", "warnings")


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders that compress or build left, or their report.json.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The page.")] = Path("runs.html"),
    as_json: Annotated[bool, typer.Option("--json", help="Print each run's result as JSON.")] = False,
) -> None:
    """Several runs side by side on one page: what each chose, figures, pictures, and how they went over commits.

    Example: edgegan report out/mobile out/x86 --out runs.html
    """
    from edgegan.report.html import write_runs

    found = [(name, read(file), samples(file)) for name, file in named(runs)]
    write_runs(found, out)
    if as_json:
        print_json([_row(name, content) for name, content, _ in found])
        return
    heads = ["run", "model", "target", "chosen", "p50 ms", "speedup", "PSNR dB", "fd_lite0"]
    table("runs", heads, [_cells(_row(name, content)) for name, content, _ in found], left=4)
    typer.echo(f"page: {out}")


def named(runs: list[Path]) -> list[tuple[str, Path]]:
    """Each run's report with a name that tells it from the others: the folder's, or its whole path. Raises
    UsageError."""
    files = [run / REPORT if run.is_dir() else run for run in runs]
    for run, file in zip(runs, files, strict=True):
        if not file.is_file():
            raise UsageError(f"{run}: no {REPORT} there; name a folder that edgegan compress or build wrote")
    names = [file.resolve().parent.name if file.name == REPORT else file.stem for file in files]
    return [
        (name if names.count(name) == 1 else str(run), file) for name, run, file in zip(names, runs, files, strict=True)
    ]


def read(file: Path) -> dict[str, Any]:
    """A report of schema 1. Raises ArtifactError."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as exc:
        raise ArtifactError(f"{file} is damaged: {exc}") from exc
    if not isinstance(content, dict) or content.get("schema") != 1 or not all(key in content for key in KEYS):
        raise ArtifactError(f"{file} is no report of edgegan compress or build")
    return content


def samples(file: Path) -> Path | None:
    beside = file.with_name(SAMPLES)
    return beside if beside.is_file() else None


def _row(name: str, content: dict[str, Any]) -> dict[str, Any]:
    own = {"run": name, "model": content["model"], "target": content["target"], "result": content["result"]}
    return own | {"commit": content["environment"].get("commit")}


def _cells(row: dict[str, Any]) -> list[str]:
    result = row["result"]
    if result is None:
        return [row["run"], row["model"], row["target"], "none passed", "-", "-", "-", "-"]
    latency, speedup = result["latency_ms"], result["speedup"]
    return [
        row["run"],
        row["model"],
        row["target"],
        result["name"],
        f"{latency['p50']:.3f}" if latency else "-",
        f"{speedup:.1f}" if speedup else "-",
        number(result["quality"]["psnr_db"]),
        number(result["quality"]["fd_lite0"]),
    ]
