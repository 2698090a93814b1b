"""Batches for each kind of objective: uint8 tensors by name, a pure function of recipe, position and process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from edgegan.core.errors import UsageError
from edgegan.models.zoo import ZooModel
from edgegan.train import views
from edgegan.train.order import EpochOrder
from edgegan.train.recipe import Recipe
from edgegan.train.sources import Report, Source, open_source

Batch = dict[str, torch.Tensor]
MASKS = 2
"""The stream of what is hidden, beside those of pictures."""


class Batches(Dataset[Batch]):
    """``self[position]``: this process's share of the batch there, read by any of DataLoader's workers."""

    def __init__(
        self, recipe: Recipe, model: ZooModel, rank: int = 0, world: int = 1, report: Report | None = None
    ) -> None:
        self.recipe, self.model, self.rank, self.world = recipe, model, rank, world
        self.micro = recipe.batch // recipe.accumulate
        if self.micro % world:
            raise UsageError(
                f"recipe: a batch of {self.micro} cannot be shared evenly by {world} processes; change batch or "
                "accumulate"
            )
        self.size = model.output_shape[1:]
        self.first = self._open(recipe.data, recipe.labels, recipe.classes, self.size, model.output_shape[0], report)
        self.order = EpochOrder(len(self.first), self.micro, recipe.seed)
        self.broken = self.first.broken

    def _open(
        self,
        path: str,
        labels: str,
        classes: tuple[int, ...],
        size: tuple[int, int],
        channels: int,
        report: Report | None,
    ) -> Source:
        recipe = self.recipe
        source = open_source(
            path, labels, size, channels, recipe.resize and not recipe.crop, recipe.broken_share, recipe.shrink, report
        ).of_classes(classes, path)
        pictures = source.pictures
        if isinstance(pictures, np.ndarray):
            views.check_sizes({pictures.shape[1:]}, size, recipe.crop, path)
        elif recipe.crop or not recipe.resize:
            views.check_sizes({picture.shape for picture in pictures}, size, recipe.crop, path)
        return source

    def _pictures(self, source: Source, epoch: int, indices: np.ndarray, stream: int = 0) -> np.ndarray:
        recipe = self.recipe
        if isinstance(source.pictures, np.ndarray) and not (recipe.crop or recipe.flip):
            return source.pictures[indices]
        return np.stack(
            [
                views.augmented(
                    source.pictures[i], self.size, recipe.crop, recipe.flip, (recipe.seed, stream, epoch, int(i))
                )
                for i in indices
            ]
        )

    def __len__(self) -> int:
        return self.order.per_epoch

    def __getitems__(self, position: int) -> Batch:
        epoch, indices = self.order.at(position, self.rank, self.world)
        return self.make(epoch, indices, position)

    def make(self, epoch: int, indices: np.ndarray, position: int) -> Batch:
        """``image`` (N, H, W, C) and, where there are labels, ``label`` (N,)."""
        batch = {"image": self._pictures(self.first, epoch, indices)}
        if self.first.labels is not None:
            batch["label"] = self.first.labels[indices]
        return tensors(batch)


class LabelledBatches(Batches):
    """As Batches, and every picture has a class below ``classes``."""

    def __init__(
        self, recipe: Recipe, model: ZooModel, rank: int = 0, world: int = 1, report: Report | None = None
    ) -> None:
        super().__init__(recipe, model, rank, world, report)
        classes = next(i.classes for i in model.spec.inputs if i.classes)
        labels = self.first.labels
        if labels is None:
            raise UsageError(
                f"{model.name} is conditional and {recipe.data} has no labels; give labels = an IDX file, an .npz with "
                "'labels', or a folder per class"
            )
        if labels.min() < 0 or labels.max() >= classes:
            raise UsageError(
                f"{recipe.data}: labels span {labels.min()}..{labels.max()}, and {model.name} has {classes} classes "
                f"(0..{classes - 1})"
            )


class PairedBatches(Batches):
    """``input`` and ``target``: from two sources of the same order (folders: of the same file names), or one derived
    from the other."""

    def __init__(
        self, recipe: Recipe, model: ZooModel, rank: int = 0, world: int = 1, report: Report | None = None
    ) -> None:
        self.input_shape = model.spec.inputs[0].shape
        if bool(recipe.derive) == bool(recipe.data_b):
            raise UsageError(
                f"recipe: {model.name} learns from pairs: give data_b (the wanted outputs), or derive the inputs from "
                "data (edges, downscale)"
            )
        super().__init__(recipe, model, rank, world, report)
        self.second: Source | None = None
        if recipe.data_b:
            if recipe.crop or self.input_shape[1:] != self.size:
                raise UsageError(
                    f"recipe: pairs of two sources are resized to {self.size[0]}x{self.size[1]}; crop, and inputs of "
                    'another size, need derive = "downscale"'
                )
            self.second = self._open(recipe.data_b, "", (), self.size, model.output_shape[0], report)
            _check_pairs(self.first, self.second, recipe)

    def make(self, epoch: int, indices: np.ndarray, position: int) -> Batch:
        if self.second is not None:
            pair = {
                "input": self._pictures(self.first, epoch, indices),
                "target": self._pictures(self.second, epoch, indices),
            }
        else:
            target = self._pictures(self.first, epoch, indices)
            pair = {
                "input": np.stack([views.derived(t, self.recipe.derive, self.input_shape) for t in target]),
                "target": target,
            }
        return tensors(pair)


class MaskedBatches(Batches):
    """``target``, ``input``: the same with squares hidden, others in every epoch, and ``hidden``: where, as bool."""

    def make(self, epoch: int, indices: np.ndarray, position: int) -> Batch:
        recipe, target = self.recipe, self._pictures(self.first, epoch, indices)
        keys = ((recipe.seed, MASKS, epoch, int(i)) for i in indices)
        hidden = np.stack([views.hidden(self.size, recipe.masked_share, recipe.patch, key) for key in keys])
        return tensors({"input": np.where(hidden[..., None], views.GREY, target), "target": target, "hidden": hidden})


class UnpairedBatches(Batches):
    """``a`` and ``b``: two domains, each in an order of its own; from ``data_b``, or from ``classes`` and ``classes_b``
    of one source."""

    def __init__(
        self, recipe: Recipe, model: ZooModel, rank: int = 0, world: int = 1, report: Report | None = None
    ) -> None:
        if not recipe.data_b and not (recipe.classes and recipe.classes_b):
            raise UsageError(
                f"recipe: {model.name} learns from two domains: give data_b, or classes and classes_b of labelled data"
            )
        super().__init__(recipe, model, rank, world, report)
        self.second = self._open(
            recipe.data_b or recipe.data,
            "" if recipe.data_b else recipe.labels,
            recipe.classes_b,
            self.size,
            model.output_shape[0],
            report,
        )
        self.second_order = EpochOrder(len(self.second), self.micro, recipe.seed, stream=1)

    def make(self, epoch: int, indices: np.ndarray, position: int) -> Batch:
        other_epoch, others = self.second_order.at(position, self.rank, self.world)
        return tensors(
            {
                "a": self._pictures(self.first, epoch, indices),
                "b": self._pictures(self.second, other_epoch, others, stream=1),
            }
        )


def _check_pairs(first: Source, second: Source, recipe: Recipe) -> None:
    if len(first) != len(second):
        raise UsageError(
            f"recipe: {recipe.data} holds {len(first)} pictures and {recipe.data_b} {len(second)}; pairs need as many "
            "on both sides"
        )
    names = [[file.stem for file in getattr(source.pictures, "files", [])] for source in (first, second)]
    for ours, theirs in zip(*names, strict=False):
        if ours != theirs:
            raise UsageError(
                f"recipe: {ours!r} in {recipe.data} has no partner in {recipe.data_b}, which has {theirs!r} in its "
                "place; pairs share a file name"
            )


def tensors(batch: dict[str, np.ndarray]) -> Batch:
    return {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in batch.items()}


def stream(batches: Batches, start: int, stop: int) -> Iterator[Batch]:
    """The batches of positions ``start`` to ``stop``, read ahead by the recipe's workers."""
    positions = cast("Iterable[list[int]]", range(start, stop))  # one number stands for a whole batch
    own = torch.Generator()  # the loader would take a number from the global stream, and a resumed run would differ
    loader = DataLoader(
        batches, batch_sampler=positions, collate_fn=_as_it_is, num_workers=batches.recipe.workers, generator=own
    )
    return iter(loader)


def _as_it_is(batch: Any) -> Any:
    return batch
