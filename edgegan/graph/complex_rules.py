"""What each operator computes of complex numbers, in real ones. A rule takes what the operator takes, each complex
tensor as a ``Complex``, and gives a Complex, or a tensor where the operator's own value is real."""

from __future__ import annotations

import operator as python
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.utils._pytree import tree_map

from edgegan.graph.fourier import Complex
from edgegan.graph.operators import aten

Rule = Callable[..., Any]


def _part_by_part(function: Any) -> Rule:
    """Of an operator that is linear over the reals: the real parts' and the imaginary parts' by themselves."""

    def rule(*args: Any, **kwargs: Any) -> Any:
        def parts(index: int) -> Any:
            def part(value: Any) -> Any:
                of_pair = isinstance(value, Complex | torch.Tensor) and _is_number(value)
                return Complex.of(value)[index] if of_pair else value

            return function(*_mapped(part, args), **_mapped(part, kwargs))

        real, imag = parts(0), parts(1)
        return Complex(real, imag) if isinstance(real, torch.Tensor) else list(map(Complex, real, imag))

    return rule


def _mapped(change: Callable[[Any], Any], of: Any) -> Any:
    return tree_map(change, of, is_leaf=lambda value: isinstance(value, Complex))


def _is_number(value: Any) -> bool:
    """Not an index."""
    return isinstance(value, Complex) or value.is_floating_point()


def _sum(sign: int) -> Rule:
    def rule(one: Any, other: Any, *, alpha: float = 1) -> Complex:
        a, b = Complex.of(one), Complex.of(other)
        return Complex(a.real + sign * alpha * b.real, a.imag + sign * alpha * b.imag)

    return rule


def _bilinear(function: Any) -> Rule:
    def rule(one: Any, other: Any) -> Complex:
        if not isinstance(one, Complex | complex):
            return Complex(function(one, Complex.of(other).real), function(one, Complex.of(other).imag))
        if not isinstance(other, Complex | complex):
            return Complex(function(Complex.of(one).real, other), function(Complex.of(one).imag, other))
        a, b = Complex.of(one), Complex.of(other)
        return Complex(
            function(a.real, b.real) - function(a.imag, b.imag), function(a.real, b.imag) + function(a.imag, b.real)
        )

    return rule


_product = _bilinear(torch.mul)


def _quotient(one: Any, other: Any) -> Complex:
    if not isinstance(other, Complex | complex):
        return Complex(*(part / other for part in Complex.of(one)))
    below = Complex.of(other)
    above = _product(Complex.of(one), _conjugate(below))
    return Complex(*(part / _squared(below) for part in above))


def _squared(x: Complex) -> torch.Tensor:
    return x.real * x.real + x.imag * x.imag


def _conjugate(x: Complex) -> Complex:
    return Complex(x.real, -x.imag)


def _polar(length: torch.Tensor, angle: torch.Tensor) -> Complex:
    return Complex(length * torch.cos(angle), length * torch.sin(angle))


def _power(x: Complex, exponent: float) -> Any:
    if exponent == 2:
        return _product(x, x)
    return _polar(torch.pow(_squared(x), exponent / 2), torch.atan2(x.imag, x.real) * exponent)


def _converted(x: Any, *_: Any, **__: Any) -> Complex:
    """To another complex type: there is one."""
    return Complex.of(x)


RULES: dict[Any, Rule] = {
    **{
        target: _part_by_part(target)
        for target in (
            aten.reshape.default, aten.view.default, aten._unsafe_view.default, aten.flatten.using_ints,
            aten.unflatten.int, aten.unsqueeze.default, aten.squeeze.dim, aten.squeeze.dims, aten.squeeze.default,
            aten.permute.default, aten.transpose.int, aten.t.default, aten.movedim.int, aten.movedim.intlist,
            aten.slice.Tensor, aten.select.int, aten.index_select.default, aten.index.Tensor, aten.narrow.default,
            aten.expand.default, aten.repeat.default, aten.clone.default, aten.contiguous.default, aten.alias.default,
            aten.cat.default, aten.stack.default, aten.split.Tensor, aten.split_with_sizes.default, aten.chunk.default,
            aten.unbind.int, aten.flip.default, aten.roll.default, aten.constant_pad_nd.default, aten.pad.default,
            aten.neg.default, aten.sum.default, aten.sum.dim_IntList, aten.mean.default, aten.mean.dim,
        )
    },
    python.getitem: lambda values, index: values[index],
    aten.add.Tensor: _sum(1),
    aten.sub.Tensor: _sum(-1),
    aten.rsub.Scalar: lambda one, other: _sum(-1)(other, one),
    aten.div.Tensor: _quotient,
    aten.reciprocal.default: partial(_quotient, 1.0),
    **{
        target: _bilinear(target)
        for target in (aten.mul.Tensor, aten.matmul.default, aten.mm.default, aten.bmm.default)
    },
    aten.pow.Tensor_Scalar: _power,
    aten.square.default: lambda x: _product(x, x),
    aten.exp.default: lambda x: _polar(torch.exp(x.real), x.imag),
    aten.complex.default: Complex,
    aten.view_as_complex.default: lambda x: Complex(x[..., 0], x[..., 1]),
    aten.polar.default: _polar,
    aten.real.default: lambda x: x.real,
    aten.imag.default: lambda x: x.imag,
    aten.abs.default: lambda x: torch.sqrt(_squared(x)),
    aten.angle.default: lambda x: torch.atan2(x.imag, x.real),
    aten.view_as_real.default: lambda x: torch.stack(x, dim=-1),
    aten.conj.default: _conjugate,
    aten._conj.default: _conjugate,
    aten.conj_physical.default: _conjugate,
    aten.resolve_conj.default: lambda x: x,
    aten.resolve_neg.default: lambda x: x,
    aten._to_copy.default: _converted,
    aten.to.dtype: _converted,
}  # fmt: skip
"""By the operator, of one that is given a complex value, or gives one."""
