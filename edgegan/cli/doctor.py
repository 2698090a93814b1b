"""``edgegan doctor``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Any

import typer

from edgegan.cli.console import print_json, table
from edgegan.core.backends import BACKENDS

EXTRAS = {"compress": "torch", "mobile": "litert_torch", "quality": "torchmetrics", "train": "accelerate"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """What this machine can do: backends, versions, GPU, power sources; how to install what is missing.

    Example: edgegan doctor --json
    """
    machine = examine()
    if as_json:
        print_json(machine)
        return
    rows = [
        [name, row["version"] or "missing", "" if row["version"] else row["install"]]
        for name, row in machine["backends"].items()
    ]
    rows += [
        [f"[{name}]", "found" if row["found"] else "missing", "" if row["found"] else row["install"]]
        for name, row in machine["extras"].items()
    ]
    table("doctor", ["part", "state", "to install"], rows, left=3)
    typer.echo(f"cpu: {machine['cpu']}, {machine['threads']} threads for this process")
    typer.echo(f"gpu: {machine['gpu'] or 'none found'}")
    for name, reason in machine["power_reasons"].items():
        typer.echo(f"power by {name}: {reason or 'can be read'}")


def examine() -> dict[str, Any]:
    """The JSON of ``doctor``."""
    from edgegan.bench.environment import cpu_name, gpu_name, versions
    from edgegan.bench.power.find import reasons
    from edgegan.runtime.generator import available_threads

    backends = {
        name: {"version": row.version(), "install": f"pip install 'edgegan[{row.extra}]'"}
        for name, row in BACKENDS.items()
        if row.packages
    }
    extras = {
        name: {"found": find_spec(module) is not None, "install": f"pip install 'edgegan[{name}]'"}
        for name, module in EXTRAS.items()
    }
    unreadable = reasons()
    return {
        "backends": backends,
        "extras": extras,
        "gpu": gpu_name(),
        "power": {name: reason is None for name, reason in unreadable.items()},
        "power_reasons": unreadable,
        "cpu": cpu_name(),
        "threads": available_threads(),
        "versions": versions(),
    }
