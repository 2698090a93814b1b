"""Which pictures a step sees: every epoch a permutation, nothing twice in it, each process its own share."""

from __future__ import annotations

import numpy as np

from edgegan.core.errors import UsageError


class EpochOrder:
    """Whole batches of ``batch`` out of ``count``; the incomplete last one of an epoch is left out.

    Position p is the same on every process and after every restart, so a stopped run goes on where it was.
    """

    def __init__(self, count: int, batch: int, seed: int, stream: int = 0) -> None:
        if count < batch:
            raise UsageError(
                f"the data holds {count} pictures, fewer than one batch of {batch}; lower batch in the recipe"
            )
        self.count, self.batch, self.key = count, batch, (seed, stream)
        self.per_epoch = count // batch
        self._shuffled: tuple[int, np.ndarray] | None = None

    def at(self, position: int, rank: int = 0, world: int = 1) -> tuple[int, np.ndarray]:
        """The epoch, and the indices that process ``rank`` of ``world`` takes of the batch at ``position``."""
        epoch, index = divmod(position, self.per_epoch)
        if self._shuffled is None or self._shuffled[0] != epoch:
            self._shuffled = (epoch, np.random.default_rng([*self.key, epoch]).permutation(self.count))
        share = self.batch // world
        start = index * self.batch + rank * share
        return epoch, self._shuffled[1][start : start + share]
