"""What a report says of how it came about: the command, and what became of each layer."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgegan.compress.options import Options
from edgegan.compress.settings import Declared, declared
from edgegan.core.errors import ModelError
from edgegan.core.target import Target
from edgegan.graph.graph import Graph
from edgegan.prune.channels import prepared
from edgegan.quantize.layers import layers

if TYPE_CHECKING:
    from edgegan.core import schemas

PLACES = ("out", "force", "sign")
"""Options that say where a run is put, not what it is."""


def command_of(options: Options) -> str:
    """The command line that gives the same run: every option that is not at its default."""
    words = ["edgegan", "compress", options.model]
    for each in declared(Options):
        value = getattr(options, each.name)
        if "compress" in each.setting.commands and each.flag and each.name not in PLACES and value != each.default:
            words += _words(each, options.batches or value) if each.name == "batch" else _words(each, value)
    return shlex.join(words)


def _words(each: Declared, value: Any) -> list[str]:
    flag = each.flag.partition("/")[0]
    if isinstance(value, bool):
        return [flag] if value else []
    if isinstance(value, Target):
        return [flag, value.name]
    if each.name in ("output_range", "batch") and isinstance(value, tuple):
        return [f"{flag}={','.join(f'{part:g}' for part in value)}"]
    if isinstance(value, tuple):
        return [word for part in value for word in (flag, str(part))]
    if each.name == "time_budget":
        return [flag, f"{value:g}s"]
    return [flag, f"{value:g}" if isinstance(value, float) else str(value)]


def layer_rows(
    original: Graph, network: Graph, precision: str, exceptions: Mapping[str, str]
) -> list[schemas.LayerRow] | None:
    """Each layer with its output channels in the original and in the pruned ``network``, and its precision; None where
    the two do not have the same layers."""
    try:
        before, after = layers(original), layers(network)
        if len(before) != len(after):
            before = layers(prepared(original))
    except ModelError:
        return None
    if len(before) != len(after):
        return None
    return [
        {
            "name": one.node,
            "operator": one.operator,
            "channels": one.shape[0],
            "kept": other.shape[0],
            "precision": exceptions.get(other.node, precision),
        }
        for one, other in zip(before, after, strict=True)
    ]
