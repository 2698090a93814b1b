"""``edgegan doctor``."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from edgegan.cli.console import print_json, table
from edgegan.core.backends import BACKENDS

EXTRAS = {
    "compress": "torch",
    "mobile": "litert_torch",
    "quality": "torchmetrics",
    "train": "accelerate",
    "search": "optuna",
    "cluster": "ray",
    "pictures": "PIL",
    "video": "av",
    "serve": "starlette",
    "browser": "playwright",
}
PROGRAMS = {
    "chromium": "measures --target browser: Debian's chromium, or EDGEGAN_CHROMIUM",
    "npm": "fetches what edgegan package --for browser serves: Node.js",
    "adb": "times on a phone: Android's platform tools",
    "ssh": "reaches --device ssh://: OpenSSH",
}


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
    rows += [
        [name, row["path"] or "missing", "" if row["path"] else row["use"]] for name, row in machine["programs"].items()
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
        "programs": {name: {"path": shutil.which(name), "use": use} for name, use in PROGRAMS.items()},
        "gpu": gpu_name(),
        "power": {name: reason is None for name, reason in unreadable.items()},
        "power_reasons": unreadable,
        "cpu": cpu_name(),
        "threads": available_threads(),
        "versions": versions(),
    }
