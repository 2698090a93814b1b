"""Trials proposed by Optuna, half of each round given up after a short training, the others compressed and measured.

Optuna's own pruners know one objective; here a round of proposals is trained shortly and cut by non-dominated sorting
of multiply-accumulates and PSNR (successive halving, Jamieson and Talwalkar 2016, over a front). The study lies in a
file of OUT, or in a storage that several machines share; each adds trials until there are as many as were asked for.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgegan.compress.data import data_sha256
from edgegan.compress.options import Options
from edgegan.compress.subject import Subject, load_subject
from edgegan.core.errors import MissingPackageError, OutputError, UsageError
from edgegan.core.progress import Progress
from edgegan.search.front import Point as Values
from edgegan.search.front import better_half, front
from edgegan.search.places import Here, OnRay, Place
from edgegan.search.space import Point, as_params, suggested
from edgegan.search.trial import COMPLETE, FAILED, POINTS, PRUNED, RUNS, Trial, short_quality, whole

ROUND, SHORT = 8, 8
"""Trials that are proposed at once; by how much the short training is shorter."""
FIRST = (0.0, 0.5)
"""Shares that are always tried, in the precision that the target likes best."""
STUDY, RESULTS = "study.db", ("search.json", "search.html")
RECORD = "edgegan"
"""Under which a trial's own figures lie in the study."""


@dataclass(frozen=True)
class Search:
    """What is looked for. ``cost``: latency_ms, energy_mj or macs; ``quality``: fd_lite0 (less is better) or
    psnr_db. ``ray``: the address of a cluster that runs the trials."""

    options: Options
    trials: int
    cost: str
    quality: str
    storage: str | None = None
    ray: str | None = None

    def values(self, trial: Trial) -> Values | None:
        """Cost, and quality of which more is better; None where either was not measured."""
        cost, quality = getattr(trial, self.cost), getattr(trial, self.quality)
        if cost is None or quality is None:
            return None
        return float(cost), float(-quality if self.quality == "fd_lite0" else quality)


def run(search: Search, progress: Progress) -> list[Trial]:
    """Every trial of the study, those of earlier runs first. Raises OutputError where the study is of another model,
    target or data."""
    options = search.options
    progress.stage("load")
    subject = load_subject(options)
    place: Place = Here() if search.ray is None else OnRay(search.ray, options.train_device == "cuda")
    if options.force:
        clear(options.out)
    study = _study(search, _identity(subject, options))
    progress.stage("trials")
    while (left := search.trials - len(_finished(study))) > 0:
        progress.step(search.trials - left, search.trials)
        asked = [study.ask() for _ in range(min(ROUND, left))]
        points = {trial.number: suggested(trial, options.target.precisions) for trial in asked}
        by_number = {trial.number: trial for trial in asked}
        for found in _round(search, subject, points, place, progress):
            trial = by_number[found.number]
            trial.set_user_attr(RECORD, found.to_json())
            _tell(study, trial, found, search)
            done = len(_finished(study))
            progress.step(min(done, search.trials), search.trials)
    return [_recorded(trial) for trial in _finished(study)]


def clear(out: Path) -> None:
    """Remove what a search leaves in its folder, and nothing else."""
    for name in (STUDY, *RESULTS):
        (out / name).unlink(missing_ok=True)
    for name in (POINTS, RUNS):
        shutil.rmtree(out / name, ignore_errors=True)


def _round(
    search: Search, subject: Subject, points: dict[int, Point], place: Place, progress: Progress
) -> Iterator[Trial]:
    """Each point's trial, as it is done; those of the worse half of the networks are given up early. A network's
    trials run one after the other, so that it is trained once."""
    options = search.options
    short = options.steps_where_pruned // SHORT
    networks = list(dict.fromkeys(point.network for point in points.values() if point.prune))
    held = subject if search.ray is None else None
    found = place.each(short_quality, [(index, held, each, options, short) for index, each in enumerate(networks)])
    tried = {networks[index]: (cost, quality) for index, cost, quality in found}
    best = better_half([(float(cost), quality) for cost, quality in tried.values()]) if tried else set()
    kept = {network for index, network in enumerate(networks) if index in best}
    together: dict[Point, dict[int, Point]] = {}
    for number, point in points.items():
        if point.prune and point.network not in kept:
            cost, quality = tried[point.network]
            reason = f"after {short} steps others were better at {cost / 1e6:.2f} M multiply-accumulates or fewer"
            yield Trial(number, vars(point), PRUNED, macs=cost, psnr_db=quality, reasons={"state": reason})
        else:
            together.setdefault(point.network, {})[number] = point
    pieces = list(together.values())
    if search.ray is None:
        pieces = [{number: point} for piece in pieces for number, point in piece.items()]
    for trials in place.each(whole, [(piece, options) for piece in pieces]):
        for trial in trials:
            progress.note(_sentence(trial))
            yield trial


def _tell(study: Any, trial: Any, found: Trial, search: Search) -> None:
    from optuna.trial import TrialState

    values = search.values(found) if found.state == COMPLETE else None
    if values is not None:
        study.tell(trial, values)
    else:
        study.tell(trial, state=TrialState.PRUNED if found.state == PRUNED else TrialState.FAIL)


def _study(search: Search, identity: str) -> Any:
    try:
        import optuna
    except ImportError as exc:
        raise MissingPackageError("optuna", "search", "Searching") from exc
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    out = search.options.out
    out.mkdir(parents=True, exist_ok=True)
    storage = search.storage or f"sqlite:///{(out / STUDY).resolve()}"
    try:
        study = optuna.create_study(
            study_name="edgegan",
            storage=storage,
            load_if_exists=True,
            directions=["minimize", "maximize"],
            sampler=optuna.samplers.TPESampler(seed=search.options.seed, multivariate=True, constant_liar=True),
        )
    except Exception as exc:
        if type(exc).__module__.startswith(("sqlalchemy", "optuna")) or isinstance(exc, ImportError | ValueError):
            raise UsageError(f"--storage {storage}: {str(exc).splitlines()[0]}") from exc
        raise
    known = study.user_attrs.get(RECORD)
    if known is None:
        study.set_user_attr(RECORD, identity)
        for share in FIRST:
            study.enqueue_trial(as_params(share, search.options.target.precisions[0]))
    elif known != identity:
        raise OutputError(
            f"{storage} holds a study of another model, target, data or objective; choose another --out or --storage"
        )
    return study


def _identity(subject: Subject, options: Options) -> str:
    """Of what trials may be compared: one network, data, target, training and objectives."""
    facts = {
        "network": subject.fingerprint,
        "data": data_sha256(options.data),
        "target": options.target.to_json(),
        "steps": options.steps_where_pruned,
        "seed": options.seed,
        "batch": options.batch,
        "min_psnr": options.min_psnr,
        "prefer": options.prefer,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _finished(study: Any) -> list[Any]:
    return [
        trial for trial in study.get_trials(deepcopy=False) if RECORD in trial.user_attrs and trial.state.is_finished()
    ]


def _recorded(trial: Any) -> Trial:
    known = dict(trial.user_attrs[RECORD])
    reasons = {key.removesuffix("_reason"): known.pop(key) for key in list(known) if key.endswith("_reason")}
    return Trial(**known, reasons=reasons)


def front_of(trials: list[Trial], search: Search) -> list[int]:
    """Numbers of the trials that no other beats in both cost and quality, the cheapest first."""
    whole = [(trial, values) for trial in trials if trial.state == COMPLETE and (values := search.values(trial))]
    return [whole[i][0].number for i in front([values for _, values in whole])]


def _sentence(trial: Trial) -> str:
    told = ", ".join(f"{name} {value}" for name, value in trial.params.items())
    if trial.state == FAILED:
        return f"{trial.number}: {told}: {trial.reasons.get('state', 'failed')}"
    cost = f"{trial.latency_ms:.3f} ms" if trial.latency_ms is not None else f"{(trial.macs or 0) / 1e6:.2f} M MACs"
    return f"{trial.number}: {told}: {cost}, {trial.psnr_db:.1f} dB to the original"
