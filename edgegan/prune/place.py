"""Where training runs: the best device that this machine has, or the one that was asked for."""

from __future__ import annotations

import torch
from torch import fx, nn

from edgegan.core.errors import DeviceError


def train_device(wanted: str | None = None) -> str:
    """``cuda``, ``mps`` or ``cpu``. Raises DeviceError where the one that is ``wanted`` is not there."""
    there = [
        name for name, has in (("cuda", torch.cuda.is_available), ("mps", torch.backends.mps.is_available)) if has()
    ]
    there.append("cpu")
    if wanted is not None and wanted not in there:
        raise DeviceError(f"--train-device {wanted}: PyTorch finds no such device here; there is {', '.join(there)}")
    return wanted or there[0]


def moved(network: fx.GraphModule, device: str) -> fx.GraphModule:
    """``network``, on ``device`` with all that its operators make there too."""
    for node in network.graph.nodes:
        if node.kwargs.get("device") is not None:
            node.kwargs = {**node.kwargs, "device": torch.device(device)}
    network.recompile()
    network.to(device)
    return network


def sent(values: torch.Tensor, device: str) -> torch.Tensor:
    """``values`` on ``device``, without waiting for what a GPU does just now."""
    if device == "cuda":
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)


def channels_last(network: nn.Module) -> None:
    """The layout in which convolutions train fastest, on a CPU and a GPU; weights of other ranks stay as they are."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
