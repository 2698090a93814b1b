"""``edgegan inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edgegan.cli.console import print_json, table
from edgegan.cli.loading import KEY, check_signature
from edgegan.core.manifest import read_manifest


def inspect(
    file: Annotated[Path, typer.Argument(help="An artifact or a bundle, its manifest beside it.")],
    key: KEY = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Manifest, tensors, layers and precisions of an artifact; verifies its hash.

    Example: edgegan inspect out/g.tflite
    """
    from edgegan.bench.layers import insides

    check_signature(file, key)
    manifest = read_manifest(file).content
    seen = insides(file)
    operators, reason, refused = seen.layers, seen.layers_reason, seen.refused_by_gpu
    if as_json:
        further = {} if refused is None else {"gpu_delegate_refuses": refused}
        print_json({"manifest": manifest, "layers": operators, "layers_reason": reason, **further})
        return
    build = ", ".join(f"{k} {v}" for k, v in manifest["build"].items() if v not in (None, [], {}))
    facts = [
        [k, str(manifest[k])]
        for k in ("model", "target", "backend", "backend_version", "precision", "edgegan_version", "created")
    ] + [
        ["build", build or "-"],
        ["verified", "size and SHA-256 of every file" + ("" if key is None else ", and the signature")],
    ]
    table(str(file), ["key", "value"], facts, left=2)
    table(
        "tensors",
        ["tensor", "kind", "shape", "dtype", "range"],
        [_tensor(t) for t in manifest["inputs"] + manifest["outputs"]],
        left=5,
    )
    if operators is None:
        typer.echo(f"layers not listed: {reason}")
    elif any("name" in row for row in operators):
        rows = [[row["operator"], row["precision"], row["name"]] for row in operators]
        table("layers", ["layer", "precision", "fused of"], rows, left=3)
    else:
        rows = [[row["operator"], row["precision"], str(row["count"])] for row in operators]
        table("layers", ["operator", "precision", "count"], rows, left=2)
    if refused is not None:
        typer.echo(f"LiteRT's GPU delegate refuses {', '.join(refused) if refused else 'none of the operators'}")


def _tensor(tensor: dict[str, Any]) -> list[str]:
    shape = "x".join("N" if d is None else str(d) for d in tensor["shape"])
    return [tensor["name"], tensor["kind"], shape, tensor["dtype"], str(tensor["range"] or tensor["distribution"])]
