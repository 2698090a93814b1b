"""The JSON files that EdgeGAN writes, as types: the manifest beside an artifact, report.json, the figures of ``bench``.

Types alone: nothing imports these files when it runs. ``docs/schemas.md`` and the JSON Schema files in
``docs/schemas/`` are generated from them, and the tests validate real outputs against them. A figure that was not
measured is null, and ``<field>_reason`` beside it says why.
"""

from __future__ import annotations

from edgegan.core.schemas.bench import Bench as Bench
from edgegan.core.schemas.bench import BenchQuality as BenchQuality
from edgegan.core.schemas.bench import Harness as Harness
from edgegan.core.schemas.bench import InBrowser as InBrowser
from edgegan.core.schemas.bench import Memory as Memory
from edgegan.core.schemas.bench import Offline as Offline
from edgegan.core.schemas.bench import Profile as Profile
from edgegan.core.schemas.bench import ProfiledLayer as ProfiledLayer
from edgegan.core.schemas.bench import Scenarios as Scenarios
from edgegan.core.schemas.bench import SingleStream as SingleStream
from edgegan.core.schemas.bench import Split as Split
from edgegan.core.schemas.bench import SweepRow as SweepRow
from edgegan.core.schemas.manifest import BatchRange as BatchRange
from edgegan.core.schemas.manifest import FileEntry as FileEntry
from edgegan.core.schemas.manifest import Input as Input
from edgegan.core.schemas.manifest import Kind as Kind
from edgegan.core.schemas.manifest import Manifest as Manifest
from edgegan.core.schemas.manifest import Output as Output
from edgegan.core.schemas.manifest import Precision as Precision
from edgegan.core.schemas.manifest import Tiling as Tiling
from edgegan.core.schemas.measured import Clock as Clock
from edgegan.core.schemas.measured import Clocks as Clocks
from edgegan.core.schemas.measured import ClocksAround as ClocksAround
from edgegan.core.schemas.measured import Environment as Environment
from edgegan.core.schemas.measured import Latency as Latency
from edgegan.core.schemas.measured import Power as Power
from edgegan.core.schemas.measured import Quality as Quality
from edgegan.core.schemas.report import Baseline as Baseline
from edgegan.core.schemas.report import Candidate as Candidate
from edgegan.core.schemas.report import LayerRow as LayerRow
from edgegan.core.schemas.report import Report as Report
from edgegan.core.schemas.report import Result as Result
from edgegan.core.schemas.report import Stage as Stage
from edgegan.core.schemas.search import Search as Search
from edgegan.core.schemas.search import Trial as Trial

FILES = {"manifest": Manifest, "report": Report, "bench": Bench, "search": Search}
"""The schemas by the name of their file in ``docs/schemas/``."""
