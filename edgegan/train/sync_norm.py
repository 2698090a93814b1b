"""BatchNorm over all processes where PyTorch's own does not exist: on CPUs (its SyncBatchNorm needs GPUs)."""

from __future__ import annotations

import torch
from torch import nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm


class _Synchronised(nn.BatchNorm2d):
    """BatchNorm2d with the mean and variance of the whole batch: Ioffe, Szegedy 2015, arXiv:1502.03167, over
    processes."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(values)
        axes = [0, *range(2, values.ndim)]
        count = values.new_tensor([float(values.numel() // values.shape[1])])
        sums = all_reduce(torch.cat([values.sum(axes), values.square().sum(axes), count]))
        mean, second = sums[:-1].view(2, -1) / sums[-1]
        variance = second - mean.square()
        self._update(mean.detach(), variance.detach(), float(sums[-1]))
        shape = (1, -1, *[1] * (values.ndim - 2))
        normal = (values - mean.view(shape)) * torch.rsqrt(variance.view(shape) + self.eps)
        return normal if self.weight is None else normal * self.weight.view(shape) + self.bias.view(shape)

    @torch.no_grad()
    def _update(self, mean: torch.Tensor, variance: torch.Tensor, count: float) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        momentum = self.momentum if self.momentum is not None else 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance * count / (count - 1), momentum)


def synchronise(network: nn.Module, device: torch.device) -> nn.Module:
    """The network with every BatchNorm over all processes; weights, buffers and their names stay."""
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.__class__ = _Synchronised
    return network
