"""``edgegan models``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edgegan.cli.console import print_json, table
from edgegan.models.zoo import ZOO, ZooModel, find


def models(
    name: Annotated[
        str | None, typer.Argument(help="Show one with its card: recipe, loss curve, samples, figures, licence, hash.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the zoo: task, input, size, and whether weights ship.

    Example: edgegan models --json
    """
    if name is not None:
        _show(_row(find(name)), as_json)
        return
    listed = [_row(model) for model in ZOO.values()]
    if as_json:
        print_json(listed)
        return
    rows = [
        [
            m["name"],
            m["task"],
            ", ".join(f"{i['kind']} {'x'.join(map(str, i['shape'])) or i['classes']}" for i in m["inputs"]),
            f"{m['params'] / 1e6:.2f} M",
            f"{m['macs'] / 1e6:.1f} M",
            "yes" if m["weights"] else "no",
            _distance(m),
        ]
        for m in listed
    ]
    table("zoo", ["name", "task", "input", "params", "MACs", "weights ship", "fd_lite0"], rows, left=3)


def _distance(row: dict[str, Any]) -> str:
    return f"{row['card']['figures']['fd_lite0']['mean']:.1f}" if row["card"] else "-"


def _show(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(row)
        return
    card = row.pop("card") or {"weights": "none ship; train it: edgegan train " + row["name"]}
    figures = {key: f"{value['mean']:.4g}" for key, value in card.pop("figures", {}).items()}
    shown = {key: value for key, value in (row | card | figures).items() if key not in ("inputs", "weights", "model")}
    table(row["name"], ["what", "value"], [[key, str(value)] for key, value in shown.items()], left=2)


def _row(model: ZooModel) -> dict[str, Any]:
    from edgegan.graph import cost
    from edgegan.graph.capture import capture

    graph = capture(model.build(), model.spec)
    return {
        "name": model.name,
        "task": model.task,
        "family": model.family,
        **model.spec.to_json(),
        "output_shape": list(graph.output_shape[1:]),
        "params": cost.params(graph),
        "macs": cost.macs(graph),
        "weights": model.weights is not None,
        "card": model.card,
    }
