"""Any generator a user may hand over: a zoo name, a factory, a .pt2, a .onnx or a Keras file."""

from __future__ import annotations

import keyword
import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgegan.core.errors import ModelError, UsageError, first_line
from edgegan.core.spec import GeneratorSpec, TensorSpec, parse_input
from edgegan.models.factory import import_factory
from edgegan.models.pt2_file import check_pt2
from edgegan.models.weights_file import load_weights, read_weights
from edgegan.models.zoo import find

KERAS = (".keras", ".h5", ".hdf5")
FILES = (".pt2", ".onnx", *KERAS)
"""Files that bring a network with its inputs."""


@dataclass(frozen=True)
class LoadedModel:
    """A generator, its spec, what to call it, and the pictures that ship with it, as ``ZooModel`` has them."""

    module: nn.Module
    spec: GeneratorSpec
    name: str
    images: str | None = None
    real: str | None = None


def load_model(
    model: str,
    inputs: list[str],
    output_range: tuple[float, float] | None,
    weights: Path | None,
    weights_key: str | None,
    batch: int,
    image_inputs: bool = False,
    constants: Mapping[str, str] | None = None,
) -> LoadedModel:
    """Resolve MODEL, fill in weights, and settle the inputs.

    ``inputs`` are ``--input`` texts. ``image_inputs``: data was given, so the (C, H, W) inputs of a file that brings
    its own shapes are images. ``constants``: inputs of a .onnx file that are baked in. Raises ModelError or UsageError.
    """
    _refuse_torchscript(model)
    if constants and not model.endswith(".onnx"):
        raise UsageError("--constant is for inputs of a .onnx file; give a factory that sets the value itself")
    path = Path(model) if model.endswith(FILES) else Path(model.partition(":")[0])
    given = [parse_input(text, f"input{i}") for i, text in enumerate(inputs)]
    if model.endswith(FILES):
        loaded = _from_file(path, batch, image_inputs, given, constants or {})
    elif ":" in model:
        loaded = LoadedModel(_from_factory(model), GeneratorSpec(inputs=()), model.rpartition(":")[2])
        if not given:
            raise UsageError(
                f"{model} does not say what it takes; add --input for each argument of forward(), such as --input "
                "latent:100x1x1"
            )
    else:
        loaded = _from_zoo(model, shipped=weights is None)
    if weights is not None:
        load_weights(loaded.module, read_weights(weights, weights_key), weights)
    return replace(loaded, module=loaded.module.eval(), spec=_settled(loaded.spec, given, output_range))


def _settled(spec: GeneratorSpec, given: list[TensorSpec], output_range: tuple[float, float] | None) -> GeneratorSpec:
    if given and spec.inputs:
        if len(given) != len(spec.inputs):
            raise UsageError(
                f"--input is given {len(given)} times; the model takes {len(spec.inputs)}: "
                f"{', '.join(i.name for i in spec.inputs)}"
            )
        for g, s in zip(given, spec.inputs, strict=True):
            if s.kind in ("latent", "image") and g.shape != s.shape:
                asked, own = ("x".join(map(str, shape)) or "a number" for shape in (g.shape, s.shape))
                raise UsageError(f"--input {g.kind}:{asked}: the model's input {s.name!r} takes {own}")
        given = [replace(g, name=s.name) for g, s in zip(given, spec.inputs, strict=True)]
    elif given:
        names = {"latent": "z", "image": "x", "label": "y", "onehot": "y"}
        taken: list[str] = []
        for g in given:
            name = names[g.kind]
            taken.append(name if name not in taken else f"{name}{len(taken)}")
        given = [replace(g, name=name) for g, name in zip(given, taken, strict=True)]
    return GeneratorSpec(inputs=tuple(given) or spec.inputs, output_range=output_range or spec.output_range)


def _from_zoo(name: str, shipped: bool) -> LoadedModel:
    row = find(name)
    module = row.build()
    if shipped:
        if row.weights is None:
            raise ModelError(f"no weights ship with {name}; train it (edgegan train {name}) and pass --weights")
        load_weights(module, read_weights(row.weights, None), row.weights)
    return LoadedModel(module, row.spec, name, row.images, row.real)


def _from_factory(model: str) -> nn.Module:
    generator = import_factory(model)
    if not isinstance(generator, nn.Module):
        raise ModelError(
            f"{model} returned {type(generator).__name__}; it must take no arguments and return a torch.nn.Module"
        )
    return generator


def _refuse_torchscript(model: str) -> None:
    """TorchScript is no more developed, and its graph cannot be captured."""
    path = Path(model)
    if path.suffix not in (".pt", ".pth", ".ts", ".jit", ".torchscript") or not path.is_file():
        return
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            scripted = any("/code/" in name for name in archive.namelist())
        if scripted:
            raise ModelError(
                f"{path} is TorchScript, which cannot be rewritten; export the module that it was made of by "
                "torch.export.save(torch.export.export(module.eval(), inputs), 'g.pt2') or torch.onnx.export, and give "
                "that file"
            )
    raise ModelError(
        f"{path} holds weights alone; give the network's factory, such as net.py:make, and --weights {path}"
    )


def _from_file(
    path: Path, batch: int, image_inputs: bool, given: Sequence[TensorSpec], constants: Mapping[str, str]
) -> LoadedModel:
    if not path.is_file():
        raise ModelError(f"{path}: no such file")
    if path.suffix == ".onnx":
        from edgegan.models.onnx_import import import_onnx

        module, tensors = import_onnx(path, batch, [g.shape for g in given], constants, image_inputs)
    elif path.suffix in KERAS:
        from edgegan.models.keras_file import read_keras

        module, tensors = read_keras(path, [g.shape for g in given], image_inputs)
    else:
        module, tensors = _read_pt2(path, batch)
    specs: list[TensorSpec] = []
    for called, shape, dtype in tensors:
        name = _identifier(called, {spec.name for spec in specs})
        if dtype not in ("float32", "float64", "float16"):
            specs.append(TensorSpec(name=name, kind="label", shape=(), classes=1))
            continue
        is_image = image_inputs and len(shape) == 3 and shape[0] in (1, 3)
        specs.append(
            TensorSpec(
                name=name, kind="image" if is_image else "latent", shape=shape, range=(-1.0, 1.0) if is_image else None
            )
        )
    return LoadedModel(module, GeneratorSpec(inputs=tuple(specs)), path.stem)


def _identifier(name: str, taken: set[str]) -> str:
    """The file's name of an input in letters that Python takes for an argument: ``input.1`` is ``input_1``."""
    plain = re.sub(r"\W+", "_", name).strip("_") or "input"
    plain = f"input_{plain}" if plain[0].isdigit() else f"{plain}_" if keyword.iskeyword(plain) else plain
    return plain if plain not in taken else _identifier(f"{plain}_{len(taken)}", taken)


def _read_pt2(path: Path, batch: int) -> tuple[nn.Module, list[tuple[str, tuple[int, ...], str]]]:
    """A program that torch.export saved: the module, and (name, shape without batch, dtype) of its inputs."""
    check_pt2(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.load(path)
    except Exception as exc:
        raise ModelError(
            f"{path} is not a file of torch.export.save that this PyTorch ({torch.__version__}) reads: "
            f"{first_line(exc)}"
        ) from exc
    if any(_is_training_norm(n) for n in program.graph.nodes):
        raise ModelError(
            f"{path} was exported in training mode; call .eval() on the generator before torch.export.export"
        )
    values = {n.name: n.meta["val"] for n in program.graph.nodes if n.op == "placeholder"}
    tensors = []
    for name in program.graph_signature.user_inputs:
        value = values[str(name)]
        first, *rest = value.shape
        if isinstance(first, int) and first != batch:
            raise ModelError(
                f"{path} was exported for batch {first}, not {batch}; pass --batch {first}, or export with batch "
                f"{batch}"
            )
        tensors.append((str(name), tuple(int(d) for d in rest), str(value.dtype).removeprefix("torch.")))
    return _Quiet(program.module(check_guards=False)), tensors


def _is_training_norm(node: torch.fx.Node) -> bool:
    return (
        node.op == "call_function"
        and "batch_norm" in str(node.target)
        and ((len(node.args) > 5 and node.args[5] is True) or "functional" in str(node.target))
    )


class _Quiet(nn.Module):
    """An exported module, which refuses ``eval()``, behind one that accepts it."""

    def __init__(self, program: nn.Module) -> None:
        super().__init__()
        self.program = program

    def train(self, mode: bool = True) -> _Quiet:
        self.training = mode
        return self

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.program(*inputs)
