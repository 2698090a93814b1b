"""A training recipe: TOML to a frozen dataclass, unknown keys refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from edgegan.core.errors import UsageError, nearest
from edgegan.core.toml import parse_value, read_toml

RECIPES = Path(__file__).parent / "recipes"
PENALTIES = ("none", "gradient", "r1", "clip")
PRECISIONS = ("no", "fp16", "bf16")
DERIVED = ("", "edges", "downscale")
OBJECTIVES = ("", "masked")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one zoo model is trained.

    Data: ``data`` is a folder, an IDX file, an ``.npz``/``.npy`` or ``file.py:factory`` of a torch dataset; ``data_b``
    the other domain (CycleGAN) or the wanted outputs (pix2pix). ``labels`` is an IDX file, else the archive's
    ``labels`` or the folder's subfolders. ``classes`` and ``classes_b`` keep some of them. ``derive`` makes the input
    from the wanted output: ``edges`` or ``downscale``. ``resize`` brings pictures of any size to the model's; ``crop``
    takes a random piece instead, of a folder's pictures made ``shrink`` times smaller; ``flip`` mirrors half of them.
    ``workers`` processes read ahead. ``broken_share`` is how many unreadable files are tolerated.

    Updates: ``steps`` generator updates of ``batch`` pictures over all processes, in ``accumulate`` parts, after
    ``discriminator_steps`` of the discriminator. ``lr_*`` are Adam's learning rates, ``beta*`` its momenta,
    ``clip_norm`` the largest gradient norm (0 for any), ``ema`` the decay of the averaged generator,
    ``mixed_precision`` one of no, fp16, bf16, ``fade_steps`` how long a progressive model takes to blend its last block
    in.

    Losses: ``loss`` names the adversarial game, ``*_weight`` what else counts, ``penalty`` keeps the discriminator
    smooth (none, gradient, r1, clip) every ``penalty_every`` steps; for clip, ``penalty_weight`` is the limit. ``pool``
    is how many past pictures the discriminator of an unpaired model remembers.

    ``objective``: empty for what the model's family learns from; ``masked`` is a pretext for image-to-image models,
    which draw what is hidden of ``data``: ``masked_share`` of its pixels, in squares of ``patch``. ``start`` is a file
    of weights that the generator begins from, such as a pretext's.

    ``collapse_share``: below that share of the data's own distances between samples, the run warns of mode collapse.
    ``origin`` says where the data comes from, told when it is missing.
    """

    model: str
    data: str
    data_b: str = ""
    labels: str = ""
    classes: tuple[int, ...] = ()
    classes_b: tuple[int, ...] = ()
    derive: str = ""
    resize: bool = True
    crop: bool = False
    shrink: int = 1
    flip: bool = False
    workers: int = 0
    broken_share: float = 0.1
    steps: int
    batch: int = 64
    accumulate: int = 1
    discriminator_steps: int = 1
    lr_generator: float = 2e-4
    lr_discriminator: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    clip_norm: float = 0.0
    ema: float = 0.999
    mixed_precision: str = "no"
    fade_steps: int = 0
    loss: str = "non-saturating"
    label_smoothing: float = 0.0
    adversarial_weight: float = 1.0
    cycle_weight: float = 10.0
    identity_weight: float = 5.0
    paired_weight: float = 100.0
    perceptual_weight: float = 0.0
    information_weight: float = 1.0
    penalty: str = "none"
    penalty_weight: float = 10.0
    penalty_every: int = 1
    pool: int = 50
    objective: str = ""
    masked_share: float = 0.6
    patch: int = 4
    start: str = ""
    collapse_share: float = 0.2
    seed: int = 0
    checkpoint_every: int = 500
    origin: str = ""

    def __post_init__(self) -> None:
        for key in (
            "steps",
            "batch",
            "shrink",
            "accumulate",
            "discriminator_steps",
            "lr_generator",
            "lr_discriminator",
            "penalty_every",
            "checkpoint_every",
            "patch",
            "masked_share",
        ):
            self._require(key, getattr(self, key) > 0, "must be above 0")
        for key in (
            "workers",
            "clip_norm",
            "fade_steps",
            "pool",
            "adversarial_weight",
            "cycle_weight",
            "identity_weight",
            "paired_weight",
            "perceptual_weight",
            "information_weight",
            "penalty_weight",
        ):
            self._require(key, getattr(self, key) >= 0, "must not be negative")
        for key in ("ema", "label_smoothing", "broken_share", "collapse_share", "masked_share", "beta1", "beta2"):
            self._require(key, 0 <= getattr(self, key) < 1, "must be in 0..1, below 1")
        for key, known in (
            ("penalty", PENALTIES),
            ("mixed_precision", PRECISIONS),
            ("derive", DERIVED),
            ("objective", OBJECTIVES),
        ):
            self._require(key, getattr(self, key) in known, f"must be one of {', '.join(k or repr(k) for k in known)}")
        self._require(
            "batch", self.batch % self.accumulate == 0, f"must be a multiple of accumulate = {self.accumulate}"
        )

    def _require(self, key: str, holds: bool, rule: str) -> None:
        if not holds:
            raise UsageError(f"recipe: {key} = {getattr(self, key)!r} {rule}")


def shipped_recipes() -> list[str]:
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def load_recipe(name: str | Path) -> Recipe:
    """A shipped recipe's name, or the path of a TOML file of the same form."""
    known = shipped_recipes()
    path = RECIPES / f"{name}.toml" if str(name) in known else Path(name)
    if not path.is_file():
        raise UsageError(f"there is no recipe {str(name)!r}; {nearest(str(name), known)}")
    table = read_toml(path)
    try:
        return Recipe(**_checked(table, str(path)))
    except TypeError as exc:
        raise UsageError(f"{path}: {exc}") from exc


def changed(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """The recipe with ``KEY=VALUE`` texts applied, values as TOML has them (bare words are strings). Raises
    UsageError."""
    table: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(f"--set {setting!r} is not KEY=VALUE, such as --set batch=32")
        table[key.strip()] = parse_value(value.strip())
    return replace(recipe, **_checked(table, "--set"))


def _checked(table: dict[str, Any], where: str) -> dict[str, Any]:
    """The values as their fields have them; UsageError for an unknown key, or another type."""
    kinds = {f.name: str(f.type) for f in fields(Recipe)}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in kinds:
            raise UsageError(f"{where}: unknown key {key!r}; {nearest(key, kinds)}")
        kind = kinds[key]
        if kind.startswith("tuple") and isinstance(value, list) and all(type(v) is int for v in value):
            values[key] = tuple(value)
        elif kind == "float" and type(value) in (int, float):
            values[key] = float(value)
        elif type(value).__name__ == kind:
            values[key] = value
        else:
            raise UsageError(
                f"{where}: {key} = {value!r} must be "
                f"{'a list of whole numbers' if kind.startswith('tuple') else f'of type {kind}'}"
            )
    return values
