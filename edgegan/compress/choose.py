"""The gate and the choice: the fastest candidate that passes; where nothing was timed, the target's own order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edgegan.compress.rows import Candidate, Verdict

EXACT = 90.0
"""Decibels from which on a float32 file is taken to compute what the network says, without asking further."""


def judge(
    candidate: Candidate,
    min_psnr: float,
    min_snr: float | None = None,
    exact_db: Callable[[], float] = lambda: EXACT,
    max_lpips: float | None = None,
    decides: bool = False,
) -> Verdict:
    """Whether a candidate passes the paired gates, and why not (or by how much); one that is no better than a flat
    picture passes none, nor does a float32 file that comes less near to the network than ``exact_db``, asked where it
    is below EXACT. The gate on the PSNR is held by the lower end of its interval over pictures. ``decides``: the
    network chooses among codes or places, otherwise in a picture here and there in any float32, so that the mean over
    pictures tells whether a file computes the network."""
    if candidate.error:
        return Verdict(False, candidate.error)
    psnr = candidate.psnr_db
    if psnr is None:
        return Verdict(False, "its pictures could not be measured")
    near = candidate.figures.quality.get("psnr_mean_db", psnr) if decides else psnr
    if candidate.built.precision == "fp32" and near < EXACT and near < exact_db():
        return Verdict(
            False,
            f"{near:.1f} dB although it is float32: its backend's converter or kernels compute something else than the "
            "network",
        )
    low, high = candidate.figures.quality.get("psnr_interval_db") or (psnr, psnr)
    if low < min_psnr:
        within = (
            f"PSNR {psnr:.1f} dB, on other pictures {low:.1f} to {high:.1f},"
            if psnr >= min_psnr
            else f"PSNR {psnr:.1f} dB"
        )
        return Verdict(False, f"{within} is below the gate of {min_psnr:g} dB")
    snr = candidate.figures.quality.get("snr_db")
    if snr is not None and snr <= 0:
        return Verdict(False, f"SNR {snr:.1f} dB: a flat picture comes as near to the network as this, or nearer")
    if min_snr is not None and (snr is None or snr < min_snr):
        return Verdict(False, f"SNR {'none' if snr is None else f'{snr:.1f} dB'} is below the gate of {min_snr:g} dB")
    lpips = candidate.figures.quality.get("lpips")
    if max_lpips is not None and (lpips is None or lpips > max_lpips):
        why = candidate.figures.quality.get("lpips_reason") or f"is above the gate of {max_lpips:g}"
        return Verdict(False, f"LPIPS {'none' if lpips is None else f'{lpips:.4f}'}: {why}")
    return Verdict(True, f"PSNR {psnr:.1f} dB")


def may_pass(candidate: Candidate, min_psnr: float) -> bool:
    """Whether a candidate that does not pass on few pictures may on more."""
    interval = candidate.figures.quality.get("psnr_interval_db")
    return candidate.passed or (candidate.error is None and interval is not None and interval[1] >= min_psnr)


def ranked(candidates: Sequence[Candidate], precisions: Sequence[str], min_psnr: float = np.inf) -> list[Candidate]:
    """Candidates that pass, or may on more pictures, the best first: those of least energy where it was measured, then
    the fastest, else in the order of ``precisions``, the target's."""
    passing = [c for c in candidates if may_pass(c, min_psnr)]
    frugal = [(c.energy_mj, c) for c in passing if c.energy_mj is not None]
    if frugal:
        others = [c for c in passing if c.energy_mj is None]
        return [c for _, c in sorted(frugal, key=lambda pair: pair[0])] + ranked(others, precisions, min_psnr)
    timed = [(c.p50_ms, c) for c in passing if c.p50_ms is not None]
    if timed:
        return [c for _, c in sorted(timed, key=lambda pair: (pair[0], -(pair[1].psnr_db or 0.0)))]

    def place(candidate: Candidate) -> tuple[int, bool, int]:
        built = candidate.built
        assert built.precision is not None and built.bytes is not None
        return precisions.index(built.precision), bool(built.precision_exceptions), built.bytes

    return sorted(passing, key=place)
