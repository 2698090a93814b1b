"""Disjoint sets of numbers (Tarjan 1975, doi:10.1145/321879.321884)."""

from __future__ import annotations

import numpy as np

FIXED = 0
"""The set of all that stays."""


def still(size: int) -> np.ndarray:
    """An axis of ``size`` indices of which none can go."""
    return np.full(size, FIXED, dtype=np.int64)


class Atoms:
    """Numbers from 1 on, each in a set of its own until it is tied; those tied to FIXED stay."""

    def __init__(self) -> None:
        self._above = [FIXED]

    def fresh(self, count: int) -> np.ndarray:
        """``count`` new atoms, int64."""
        first = len(self._above)
        self._above.extend(range(first, first + count))
        return np.arange(first, first + count)

    def tie(self, one: np.ndarray, other: np.ndarray) -> None:
        """Put each atom of ``one`` into the set of its counterpart in ``other``, of the same shape."""
        differing = one != other
        if differing.any():
            pairs = np.unique(np.stack([one[differing], other[differing]], axis=1), axis=0)
            for a, b in pairs.tolist():
                first, second = self._set(a), self._set(b)
                self._above[max(first, second)] = min(first, second)

    def fix(self, *several: np.ndarray) -> None:
        for atoms in several:
            self.tie(atoms, still(atoms.size).reshape(atoms.shape))

    def sets(self, atoms: np.ndarray) -> np.ndarray:
        """The set of each atom, named by its least one; FIXED where it stays."""
        distinct, places = np.unique(atoms, return_inverse=True)
        named = np.array([self._set(atom) for atom in distinct.tolist()], dtype=np.int64)
        return named[places].reshape(atoms.shape)

    def _set(self, atom: int) -> int:
        above = self._above
        while above[atom] != atom:
            above[atom] = above[above[atom]]
            atom = above[atom]
        return atom
