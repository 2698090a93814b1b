"""``edgegan targets``."""

from __future__ import annotations

from typing import Annotated

import typer

from edgegan.cli.console import print_json, table
from edgegan.core.target import load_target, names


def targets(
    name: Annotated[str | None, typer.Argument(help="Show this one alone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the device targets, or show one.

    Example: edgegan targets jetson-orin
    """
    if name is not None:
        target = load_target(name).to_json()
        if as_json:
            print_json(target)
        else:
            table(
                f"target {name}",
                ["key", "value"],
                [[k, ", ".join(v) if isinstance(v, list) else str(v)] for k, v in target.items()],
                left=2,
            )
        return
    listed = [load_target(n).to_json() for n in names()]
    if as_json:
        print_json(listed)
    else:
        rows = [
            [t["name"], ", ".join(t["runtimes"]), ", ".join(t["precisions"]), t["power"] or "-", t["description"]]
            for t in listed
        ]
        table("targets", ["name", "runtimes", "precisions", "power", "description"], rows, left=5)
