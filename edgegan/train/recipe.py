"""A training recipe: TOML to a frozen dataclass, unknown keys refused."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from edgegan.core.errors import UsageError, nearest
from edgegan.core.toml import read_toml

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one zoo model is trained.

    ``data`` is a path that ``read_images`` takes. ``lr_*`` are Adam's learning rates, ``beta1``/``beta2`` its momenta,
    ``ema`` the decay of the averaged generator, ``steps`` the number of generator updates of ``batch`` images each,
    ``origin`` where the data comes from, told when it is missing.
    """

    model: str
    data: str
    steps: int
    batch: int = 64
    lr_generator: float = 2e-4
    lr_discriminator: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    ema: float = 0.999
    seed: int = 0
    checkpoint_every: int = 500
    origin: str = ""

    def __post_init__(self) -> None:
        for key in ("steps", "batch", "lr_generator", "lr_discriminator", "checkpoint_every"):
            if getattr(self, key) <= 0:
                raise UsageError(f"recipe: {key} = {getattr(self, key)} must be above 0")
        if not 0 <= self.ema < 1:
            raise UsageError(f"recipe: ema = {self.ema} must be in 0..1, below 1")


def load_recipe(name: str | Path) -> Recipe:
    """A shipped recipe's name, or the path of a TOML file of the same form."""
    known = sorted(p.stem for p in RECIPES.glob("*.toml"))
    path = RECIPES / f"{name}.toml" if str(name) in known else Path(name)
    if not path.is_file():
        raise UsageError(f"there is no recipe {str(name)!r}; {nearest(str(name), known)}")
    table = read_toml(path)
    allowed = {f.name for f in fields(Recipe)}
    for key in table:
        if key not in allowed:
            raise UsageError(f"{path}: unknown key {key!r}; {nearest(key, allowed)}")
    try:
        return Recipe(**table)
    except TypeError as exc:
        raise UsageError(f"{path}: {exc}") from exc
