"""ONNX operators in PyTorch, as the ONNX operator specification (opsets 7 to 23) defines them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from edgegan.models.onnx_context import Context
from edgegan.models.onnx_fourier import dft, stft
from edgegan.models.onnx_layers import conv, conv_transpose, pool
from edgegan.models.onnx_resize import resize

Tensor = torch.Tensor


def gemm(c: Context, a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    alpha, beta = c.get("alpha", 1.0), c.get("beta", 1.0)
    if c.get("transA", 0):
        a = a.transpose(0, 1)
    if alpha == 1.0 and beta == 1.0 and (bias is None or bias.ndim == 1):
        return F.linear(a, b if c.get("transB", 0) else b.transpose(0, 1), bias)
    product = alpha * (a @ (b.transpose(0, 1) if c.get("transB", 0) else b))
    return product if bias is None else product + beta * bias


def batch_norm(c: Context, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    return F.batch_norm(x, mean, variance, scale, bias, False, 0.0, c.get("epsilon", 1e-5))


def instance_norm(c: Context, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return F.instance_norm(x, weight=scale, bias=bias, eps=c.get("epsilon", 1e-5))


def layer_norm(c: Context, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    axis = c.get("axis", -1) % x.ndim
    return F.layer_norm(x, x.shape[axis:], scale, bias, c.get("epsilon", 1e-5))


def group_norm(c: Context, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return F.group_norm(x, c.get("num_groups"), scale, bias, c.get("epsilon", 1e-5))


def prelu(c: Context, x: Tensor, slope: Tensor) -> Tensor:
    per_channel = slope.ndim == x.ndim - 1 and slope.numel() == slope.shape[0]
    if slope.numel() == 1 or per_channel:
        return F.prelu(x, slope.flatten())
    return torch.maximum(x, torch.zeros_like(x)) + slope * torch.minimum(x, torch.zeros_like(x))


def clip(c: Context, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    ends = [c.constants[i] if i < len(c.constants) else None for i in (1, 2)]
    bounds = [float(e) if e is not None else c.get(n) for e, n in zip(ends, ("min", "max"), strict=True)]
    return torch.clamp(x, bounds[0], bounds[1])


def reshape(c: Context, x: Tensor, sizes: Tensor | None = None) -> Tensor:
    wanted = c.required(1, "shape")
    return x.reshape([x.shape[i] if s == 0 and not c.get("allowzero", 0) else s for i, s in enumerate(wanted)])


def flatten(c: Context, x: Tensor) -> Tensor:
    axis = c.get("axis", 1)
    return x.flatten(axis) if axis == 1 else x.reshape(int(np.prod(x.shape[:axis])), -1)


def squeeze(c: Context, x: Tensor, axes: Tensor | None = None) -> Tensor:
    removed = c.ints(1, "axes")
    return x.squeeze() if removed is None else x.squeeze(tuple(removed))


def unsqueeze(c: Context, x: Tensor, axes: Tensor | None = None) -> Tensor:
    added = c.required(1, "axes")
    for axis in sorted(a % (x.ndim + len(added)) for a in added):
        x = x.unsqueeze(axis)
    return x


def slice_(c: Context, x: Tensor, *_: Any) -> Tensor:
    starts, ends = c.required(1, "starts"), c.required(2, "ends")
    axes = c.ints(3, "axes") or list(range(len(starts)))
    steps = c.ints(4) or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step < 0:
            positions = list(range(x.shape[axis]))[start : end if end >= -x.shape[axis] else None : step]
            x = x.index_select(axis, torch.tensor(positions))
        else:
            x = x[(slice(None),) * (axis % x.ndim) + (slice(start, end, step),)]
    return x


def split(c: Context, x: Tensor, *_: Any) -> tuple[Tensor, ...]:
    axis, sizes = c.get("axis", 0), c.ints(1, "split")
    if sizes is None:
        size = -(-x.shape[axis] // c.outputs)
        return torch.split(x, size, axis)
    return torch.split(x, sizes, axis)


def pad(c: Context, x: Tensor, *_: Any) -> Tensor:
    pads, mode = c.required(1, "pads"), c.get("mode", "constant")
    axes = c.ints(3) or list(range(len(pads) // 2))
    margins = {axis % x.ndim: (pads[i], pads[i + len(axes)]) for i, axis in enumerate(axes)}
    flat = [v for axis in reversed(range(x.ndim)) for v in margins.get(axis, (0, 0))]
    while flat and flat[-1] == 0 and flat[-2] == 0:
        flat = flat[:-2]
    value = (
        float(c.constants[2])
        if len(c.constants) > 2 and c.constants[2] is not None and c.constants[2].size
        else c.get("value", 0.0)
    )
    if not flat:
        return x
    return (
        F.pad(x, flat, value=value)
        if mode == "constant"
        else F.pad(x, flat, mode={"reflect": "reflect", "edge": "replicate"}[mode])
    )


def depth_to_space(c: Context, x: Tensor) -> Tensor:
    block = c.get("blocksize")
    if c.get("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, block)
    n, channels, h, w = x.shape
    apart = x.reshape(n, block, block, channels // block**2, h, w)
    return apart.permute(0, 3, 4, 1, 5, 2).reshape(n, channels // block**2, h * block, w * block)


def space_to_depth(c: Context, x: Tensor) -> Tensor:
    block = c.get("blocksize")
    n, channels, h, w = x.shape
    apart = x.reshape(n, channels, h // block, block, w // block, block)
    return apart.permute(0, 3, 5, 1, 2, 4).reshape(n, channels * block**2, h // block, w // block)


def reduce(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def run(c: Context, x: Tensor, *_: Any) -> Tensor:
        axes = c.ints(1, "axes") or list(range(x.ndim))
        return function(x, dim=tuple(axes), keepdim=bool(c.get("keepdims", 1)))

    return run


def gather(c: Context, x: Tensor, index: Tensor) -> Tensor:
    axis = c.get("axis", 0) % x.ndim
    if index.ndim == 0:
        return x.index_select(axis, index.reshape(1)).squeeze(axis)
    if axis == 0 and x.ndim == 2 and not index.is_floating_point():
        return F.embedding(index.long(), x)
    flat = x.index_select(axis, index.reshape(-1))
    return flat.reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])


def cast(c: Context, x: Tensor) -> Tensor:
    import onnx

    name = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(c.get("to"))).name
    return x.to({"bool": torch.bool}.get(name) or getattr(torch, name))


def grid_sample(c: Context, x: Tensor, grid: Tensor) -> Tensor:
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(c.get("mode", "bilinear"), c.get("mode", "bilinear"))
    padding, corners = c.get("padding_mode", "zeros"), bool(c.get("align_corners", 0))
    return F.grid_sample(x, grid, mode=mode, padding_mode=padding, align_corners=corners)


def einsum(c: Context, *inputs: Tensor) -> Tensor:
    return torch.einsum(c.get("equation"), *inputs)


def lp_normalization(c: Context, x: Tensor) -> Tensor:
    return F.normalize(x, p=float(c.get("p", 2)), dim=c.get("axis", -1), eps=0.0)


def mean_variance_normalization(c: Context, x: Tensor) -> Tensor:
    axes = tuple(c.get("axes", [0, 2, 3]))
    centred = x - x.mean(axes, keepdim=True)
    return centred / (centred.square().mean(axes, keepdim=True).sqrt() + 1e-9)


def rms_normalization(c: Context, x: Tensor, scale: Tensor) -> Tensor:
    axis = c.get("axis", -1) % x.ndim
    mean = x.square().mean(tuple(range(axis, x.ndim)), keepdim=True)
    return x * torch.rsqrt(mean + c.get("epsilon", 1e-5)) * scale


def softmax(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Along one axis from opset 13 on; before over all from an axis on, as one."""

    def run(c: Context, x: Tensor) -> Tensor:
        if c.opset >= 13:
            return function(x, c.get("axis", -1))
        axis = c.get("axis", 1) % x.ndim
        return function(x.flatten(axis), -1).reshape(x.shape)

    return run


def one(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda c, *inputs: function(*inputs)


def many(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def run(c: Context, first: Tensor, *rest: Tensor) -> Tensor:
        for value in rest:
            first = function(first, value)
        return first

    return run


OPERATORS: dict[str, Callable[..., Any]] = {
    "Conv": conv, "ConvTranspose": conv_transpose, "Gemm": gemm, "MatMul": one(torch.matmul),
    "BatchNormalization": batch_norm, "InstanceNormalization": instance_norm, "LayerNormalization": layer_norm,
    "GroupNormalization": group_norm,
    "Relu": one(torch.relu), "PRelu": prelu, "Tanh": one(torch.tanh), "Sigmoid": one(torch.sigmoid),
    "Erf": one(torch.erf), "Exp": one(torch.exp),
    "Log": one(torch.log), "Sqrt": one(torch.sqrt), "Neg": one(torch.neg), "Abs": one(torch.abs),
    "Softplus": one(F.softplus), "Sin": one(torch.sin),
    "Cos": one(torch.cos), "Floor": one(torch.floor), "Reciprocal": one(torch.reciprocal), "Mish": one(F.mish),
    "HardSwish": one(F.hardswish),
    "LeakyRelu": lambda c, x: F.leaky_relu(x, c.get("alpha", 0.01)), "Elu": lambda c, x: F.elu(x, c.get("alpha", 1.0)),
    "Selu": one(F.selu),
    "Gelu": lambda c, x: F.gelu(x, approximate=c.get("approximate", "none")),
    "HardSigmoid": lambda c, x: torch.clamp(c.get("alpha", 0.2) * x + c.get("beta", 0.5), 0, 1),
    "Softmax": softmax(torch.softmax), "LogSoftmax": softmax(torch.log_softmax),
    "DFT": dft, "STFT": stft, "Einsum": einsum, "GridSample": grid_sample, "LpNormalization": lp_normalization,
    "MeanVarianceNormalization": mean_variance_normalization, "RMSNormalization": rms_normalization,
    "Ceil": one(torch.ceil), "Round": one(torch.round), "Sign": one(torch.sign), "Tan": one(torch.tan),
    "Atan": one(torch.atan), "Sinh": one(torch.sinh), "Cosh": one(torch.cosh), "Softsign": one(F.softsign),
    "Celu": lambda c, x: F.celu(x, c.get("alpha", 1.0)),
    "ThresholdedRelu": lambda c, x: F.threshold(x, c.get("alpha", 1.0), 0.0),
    "Shrink": lambda c, x: torch.where(x.abs() > c.get("lambd", 0.5), x - torch.sign(x) * c.get("bias", 0.0), 0.0),
    "Greater": one(torch.gt), "GreaterOrEqual": one(torch.ge), "Less": one(torch.lt), "LessOrEqual": one(torch.le),
    "Equal": one(torch.eq), "And": one(torch.logical_and), "Or": one(torch.logical_or), "Not": one(torch.logical_not),
    "Mean": lambda c, *xs: sum(xs[1:], xs[0]) / len(xs),
    "ReduceL1": reduce(lambda x, dim, keepdim: x.abs().sum(dim, keepdim)),
    "ReduceSumSquare": reduce(lambda x, dim, keepdim: x.square().sum(dim, keepdim)),
    "GatherElements": lambda c, x, i: torch.gather(x, c.get("axis", 0), i.long()),
    "GlobalMaxPool": lambda c, x: x.amax(tuple(range(2, x.ndim)), keepdim=True),
    "Clip": clip, "Add": one(operator.add), "Sub": one(operator.sub), "Mul": one(operator.mul),
    "Div": one(operator.truediv), "Pow": one(torch.pow),
    "Max": many(torch.maximum), "Min": many(torch.minimum), "Sum": many(torch.add), "Where": one(torch.where),
    "Concat": lambda c, *xs: torch.cat(xs, c.get("axis")), "Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": lambda c, x: x.permute(c.get("perm", list(reversed(range(x.ndim))))),
    "Slice": slice_, "Split": split, "Pad": pad, "Resize": resize, "Upsample": resize, "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
    "Expand": lambda c, x, *_: x.expand(torch.broadcast_shapes(x.shape, c.required(1))), "Tile": lambda c, x,
    *_: x.repeat(c.required(1)),
    "Gather": gather, "Cast": cast, "Identity": one(lambda x: x), "Dropout": lambda c, x, *_: x,
    "ReduceMean": reduce(torch.mean), "ReduceSum": reduce(torch.sum), "ReduceMax": reduce(torch.amax),
    "ReduceMin": reduce(torch.amin),
    "ReduceL2": reduce(lambda x, dim, keepdim: torch.linalg.vector_norm(x, dim=dim, keepdim=keepdim)),
    "AveragePool": pool(True), "MaxPool": pool(False), "GlobalAveragePool": lambda c,
    x: x.mean(tuple(range(2, x.ndim)), keepdim=True),
}  # fmt: skip
