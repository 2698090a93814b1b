"""Graph -> LiteRT (TFLite), float32 or float16 weights."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import warnings
from pathlib import Path
from typing import Any

import torch

from edgegan.core.errors import MissingPackageError, TargetError
from edgegan.core.files import atomic_path


def _litert_torch() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        import litert_torch
    except ImportError as exc:
        raise MissingPackageError("litert_torch", "mobile", "Exporting to LiteRT") from exc
    return litert_torch


def export_litert(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], path: Path) -> Path:
    """Write a module (a Graph's, or a user's own for the plain conversion) as float32 LiteRT, NCHW as it stands.

    Raises TargetError with the converter's reason, or with LiteRT's where it refuses what the converter made.
    """
    quiet = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        warnings.simplefilter("ignore")
        converter = _litert_torch()
        logging.disable(logging.WARNING)
        try:
            model = converter.convert(module, inputs)
            with atomic_path(path) as temporary:
                model.export(str(temporary))
                _check(temporary)
        except TargetError:
            raise
        except Exception as exc:
            if isinstance(exc, OSError):
                raise
            raise TargetError(f"litert-torch cannot convert the generator: {_reason(exc)}") from exc
        finally:
            logging.disable(logging.NOTSET)
    return path


def _check(file: Path) -> None:
    """Its kernels see sizes first when they are prepared."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        Interpreter(str(file), experimental_op_resolver_type=plain).allocate_tensors()
    except (ValueError, RuntimeError) as exc:
        raise TargetError(f"litert-torch converts the generator to a file that LiteRT refuses: {_reason(exc)}") from exc


def halve_weights(float_file: Path, out: Path) -> Path:
    """Store the weights of a float32 LiteRT file as float16; it computes in what the device prefers."""
    from ai_edge_quantizer import qtyping, quantizer, recipe_manager
    from ai_edge_quantizer.recipe import AlgorithmName, TFLOperationName

    manager = recipe_manager.RecipeManager()
    half = qtyping.OpQuantizationConfig(
        weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
        compute_precision=qtyping.ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )
    for kind in (
        TFLOperationName.CONV_2D,
        TFLOperationName.CONV_2D_TRANSPOSE,
        TFLOperationName.DEPTHWISE_CONV_2D,
        TFLOperationName.FULLY_CONNECTED,
    ):
        manager.add_quantization_config(
            regex=".*", operation_name=kind, op_config=half, algorithm_key=AlgorithmName.FLOAT_CASTING
        )
    try:
        engine = quantizer.Quantizer(str(float_file), manager.get_quantization_recipe())
        with atomic_path(out) as temporary:
            engine.quantize(None, str(temporary), enable_progress_bar=False, enable_progress_report=False)
    except (ValueError, RuntimeError, KeyError) as exc:
        raise TargetError(f"ai-edge-quantizer cannot store float16 weights: {_reason(exc)}") from exc
    return out


def _reason(exc: Exception) -> str:
    """The line that tells most, without the folders that this machine's files lie in."""
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    telling = [line for line in lines if "error:" in line or "not" in line]
    reason = (telling or lines or [type(exc).__name__])[0]
    return re.sub(r"/(?:[^\s:/]+/)+", "", reason)[:300]
