"""``edgegan models``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edgegan.cli.console import print_json, table
from edgegan.models.zoo import ZOO, ZooModel


def models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the zoo: task, input, size, and whether weights ship.

    Example: edgegan models --json
    """
    listed = [_row(model) for model in ZOO.values()]
    if as_json:
        print_json(listed)
        return
    rows = [[m["name"], m["task"], ", ".join(f"{i['kind']} {'x'.join(map(str, i['shape'])) or i['classes']}" for i in m["inputs"]), f"{m['params'] / 1e6:.2f} M", f"{m['macs'] / 1e6:.1f} M", "yes" if m["weights"] else "no"] for m in listed]
    table("zoo", ["name", "task", "input", "params", "MACs", "weights ship"], rows, left=3)


def _row(model: ZooModel) -> dict[str, Any]:
    from edgegan.graph import cost
    from edgegan.graph.capture import capture

    graph = capture(model.build(), model.spec)
    return {"name": model.name, "task": model.task, "family": model.family, **model.spec.to_json(), "output_shape": list(graph.output_shape[1:]), "params": cost.params(graph), "macs": cost.macs(graph), "weights": model.weights is not None}
