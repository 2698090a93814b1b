"""ONNX operators in PyTorch, as the ONNX operator specification (opsets 9 to 21) defines them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from edgegan.core.errors import ModelError

Tensor = torch.Tensor


@dataclass(frozen=True)
class Context:
    """A node's attributes, the inputs that are known beforehand (else None), its number of outputs, the opset."""

    attributes: dict[str, Any]
    constants: list[np.ndarray | None]
    outputs: int
    opset: int

    def get(self, name: str, default: Any = None) -> Any:
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def ints(self, index: int, name: str | None = None) -> list[int] | None:
        """Whole numbers given as input ``index`` (newer opsets) or attribute ``name`` (older); None where absent."""
        known = self.constants[index] if index < len(self.constants) else None
        if known is not None:
            return [int(v) for v in np.atleast_1d(known)]
        value = self.attributes.get(name) if name else None
        return None if value is None else [int(v) for v in (value if isinstance(value, list | tuple) else [value])]

    def required(self, index: int, name: str | None = None) -> list[int]:
        ints = self.ints(index, name)
        if ints is None:
            raise ModelError(
                f"an ONNX operator's {name or 'sizes'} depend on the input's values; export the model with fixed shapes"
            )
        return ints


def _padding(context: Context, x: Tensor, rank: int) -> tuple[Tensor, list[int]]:
    """Explicit padding of a convolution: symmetric padding as a list, the rest applied to ``x``."""
    pads = context.get("pads", [0] * (2 * rank))
    if context.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise ModelError(f"ONNX auto_pad {context.get('auto_pad')} is not imported; export with explicit pads")
    before, after = list(pads[:rank]), list(pads[rank:])
    if before == after:
        return x, before
    return F.pad(x, [v for pair in zip(reversed(before), reversed(after), strict=True) for v in pair]), [0] * rank


def conv(c: Context, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    rank = w.ndim - 2
    x, padding = _padding(c, x, rank)
    function = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[rank]
    result: Tensor = function(
        x, w, b, c.get("strides", [1] * rank), padding, c.get("dilations", [1] * rank), c.get("group", 1)
    )
    return result


def conv_transpose(c: Context, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    rank = w.ndim - 2
    pads = c.get("pads", [0] * (2 * rank))
    if (
        list(pads[:rank]) != list(pads[rank:])
        or c.get("output_shape")
        or c.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID")
    ):
        raise ModelError("ONNX ConvTranspose with uneven pads, output_shape or auto_pad is not imported")
    function = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[rank]
    result: Tensor = function(
        x,
        w,
        b,
        c.get("strides", [1] * rank),
        list(pads[:rank]),
        c.get("output_padding", [0] * rank),
        c.get("group", 1),
        c.get("dilations", [1] * rank),
    )
    return result


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


def resize(c: Context, x: Tensor, *_: Any) -> Tensor:
    given = [v for v in c.constants[1:] if v is not None and v.size]
    if not given:
        raise ModelError("an ONNX Resize has no fixed scales or sizes; export the model with fixed shapes")
    last = given[-1]
    size = (
        [int(v) for v in last[2:]]
        if last.dtype == np.int64
        else [int(np.floor(n * s)) for n, s in zip(x.shape[2:], last[2:], strict=True)]
    )
    mode, transform = c.get("mode", "nearest"), c.get("coordinate_transformation_mode", "half_pixel")
    if mode == "nearest":
        if transform == "asymmetric" and c.get("nearest_mode", "round_prefer_floor") == "floor":
            return F.interpolate(x, size=size, mode="nearest")
        if all(s % n == 0 for s, n in zip(size, x.shape[2:], strict=True)) and transform in (
            "half_pixel",
            "pytorch_half_pixel",
            "asymmetric",
        ):
            return F.interpolate(x, size=size, mode="nearest")
        raise ModelError(f"ONNX Resize nearest with {transform} by a fraction is not imported")
    kind = {"linear": "bilinear", "cubic": "bicubic"}[mode]
    return F.interpolate(x, size=size, mode=kind, align_corners=transform == "align_corners")


def upsample(c: Context, x: Tensor, *_: Any) -> Tensor:
    known = c.constants[1] if len(c.constants) > 1 else None
    scales = np.asarray(c.get("scales")) if known is None else known
    size = [int(np.floor(n * s)) for n, s in zip(x.shape[2:], scales[2:], strict=True)]
    return F.interpolate(x, size=size, mode="nearest" if c.get("mode", "nearest") == "nearest" else "bilinear")


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


def pool(average: bool) -> Callable[..., Tensor]:
    def run(c: Context, x: Tensor) -> Tensor:
        rank = x.ndim - 2
        x, padding = _padding(c, x, rank)
        settings = {
            "kernel_size": c.get("kernel_shape"),
            "stride": c.get("strides", [1] * rank),
            "padding": padding,
            "ceil_mode": bool(c.get("ceil_mode", 0)),
        }
        if average:
            result: Tensor = {1: F.avg_pool1d, 2: F.avg_pool2d}[rank](
                x, **settings, count_include_pad=bool(c.get("count_include_pad", 0))
            )
        else:
            result = {1: F.max_pool1d, 2: F.max_pool2d}[rank](x, **settings)
        return result

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
    "Softmax": lambda c, x: torch.softmax(x, c.get("axis", -1 if c.opset >= 13 else 1)),
    "Clip": clip, "Add": one(operator.add), "Sub": one(operator.sub), "Mul": one(operator.mul),
    "Div": one(operator.truediv), "Pow": one(torch.pow),
    "Max": many(torch.maximum), "Min": many(torch.minimum), "Sum": many(torch.add), "Where": one(torch.where),
    "Concat": lambda c, *xs: torch.cat(xs, c.get("axis")), "Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": lambda c, x: x.permute(c.get("perm", list(reversed(range(x.ndim))))),
    "Slice": slice_, "Split": split, "Pad": pad, "Resize": resize, "Upsample": upsample, "DepthToSpace": depth_to_space,
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
