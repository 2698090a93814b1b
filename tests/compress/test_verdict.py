"""On how many pictures a candidate is judged: as many as its spread asks for, no more than there are."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from edgegan.compress import verdict
from edgegan.compress.choose import may_pass
from edgegan.compress.data import Data
from edgegan.compress.measure import compared
from edgegan.compress.references import Wanted
from edgegan.compress.rows import Built, Candidate, Figures
from edgegan.compress.verdict import Verdicts
from edgegan.core.deadline import Deadline
from edgegan.core.stage import StageStore

FIRST, MOST = 8, 512


class Pictures:
    """A network whose pictures are nothing, and candidates that miss them by so much each."""

    def __init__(self, spread: float, gate: float = 30.0, level_db: float = 35.0, held: int | None = None):
        error = 10 ** (-level_db / 10) * 4.0
        errors = np.random.default_rng(0).lognormal(0.0, spread, MOST)
        self.images = np.sqrt(error * errors / errors.mean()).reshape(MOST, 1, 1, 1).astype(np.float32)
        self.asked: list[int] = []
        self.options = SimpleNamespace(
            device=None, min_psnr=gate, min_snr=None, max_lpips=None, max_latency_ms=None, max_bytes=None, threads=1
        )
        data = Data() if held is None else Data(images=np.zeros((held, 1, 1, 1), np.uint8))
        self.subject = SimpleNamespace(
            most_checked=lambda _: MOST if held is None else held, check_inputs=self.check_inputs, data=data
        )

    def check_inputs(self, options, count: int) -> dict[str, np.ndarray]:
        return {"z": np.arange(count)[:, None].astype(np.float32)}

    def first(self, count: int = FIRST) -> Wanted:
        nothing = np.random.default_rng(1).normal(size=(count, 1, 1, 1)).astype(np.float32)
        return Wanted(self.check_inputs(None, count), nothing, nothing, (-1.0, 1.0))

    def outputs(self, artifact, inputs, threads):
        rows = inputs["z"][:, 0].astype(int)
        self.asked.append(len(rows))
        whole = self.first(MOST).network
        return whole[rows] + self.images[rows]

    decides = False

    def exact_db(self) -> float:
        return 90.0

    @property
    def candidate(self) -> Candidate:
        built = Built(name="it", backend="null", formulation="native", precision="int8", macs=1, params=1,
                      bytes_moved=1, runs="it/g.null")  # fmt: skip
        wanted = self.first()
        quality = compared(built, wanted, wanted.network + self.images[:FIRST])
        return Candidate(built=built, figures=Figures(latency_ms=None, quality=quality))


@pytest.fixture
def judged(tmp_path, monkeypatch):
    def run(pictures: Pictures, deadline: Deadline | None = None) -> tuple[Candidate, Verdicts]:
        monkeypatch.setattr(verdict, "outputs", pictures.outputs)
        store = StageStore(tmp_path / "stages", {"run": str(pictures.asked)})
        with store.claimed():
            verdicts = Verdicts(pictures.subject, pictures, pictures.options, store, deadline or Deadline())
            return verdicts.of(pictures.candidate), verdicts

    return run


def test_pictures_are_added_until_the_interval_is_narrow(judged):
    pictures = Pictures(spread=0.3)
    row, verdicts = judged(pictures)
    low, high = row.figures.quality["psnr_interval_db"]
    assert row.passed and high - low <= verdict.NARROW
    assert pictures.asked[0] == 4 * FIRST and sum(pictures.asked) == row.figures.quality["compared_pictures"] <= MOST
    assert "over as many others" in verdicts.notes[0] and "more would take long" not in verdicts.notes[0]


def test_a_candidate_below_the_gate_is_not_compared_further(judged):
    pictures = Pictures(spread=0.3, gate=45.0)
    row, _ = judged(pictures)
    assert not row.passed and not pictures.asked and not may_pass(row, 45.0)


def test_where_there_are_no_more_pictures_that_is_said(judged):
    pictures = Pictures(spread=1.2, held=20)
    row, verdicts = judged(pictures)
    assert row.figures.quality["compared_pictures"] == 20 and verdicts.notes[0].endswith("; --data has no more")


def test_a_spent_time_budget_ends_it(judged):
    pictures = Pictures(spread=1.2)
    row, verdicts = judged(pictures, replace(Deadline(1e-9)))
    assert not pictures.asked and row.figures.quality["compared_pictures"] == FIRST
    assert verdicts.notes[0].endswith("; the time budget allows no more")
